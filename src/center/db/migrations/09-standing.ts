import { statements } from "./sql.js";

/** Revoked devices are counted at every introduction, and few among many. */
export const standing = statements(`create index devices_revoked on devices (id) where revoked_at is not null`);
