import type { AreaBody } from "../center/api/delivery-messages.js";
import { BadInput } from "./bad-input.js";

const TYPES: Record<string, string> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
};

/** Media type of a picture by the end of its name. */
export function mediaTypeOf(extension: string): string {
  const type = TYPES[extension.toLowerCase()] as string | undefined;
  if (type === undefined) throw new BadInput(`A picture's name ends in ${Object.keys(TYPES).join(", ")}, not in "${extension}".`);
  return type;
}

/** An icon as it is written on the command line: left,top,right,bottom=address. */
export function areaOf(text: string): AreaBody {
  const parts = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})=([!-~]{8,120})$/.exec(text);
  const [left, top, right, bottom] = (parts ?? []).slice(1, 5).map(Number);
  if (parts === null || right > 255 || bottom > 255 || left > right || top > bottom)
    throw new BadInput(`--area takes left,top,right,bottom=address with bounds from 0 to 255, not ${text}.`);
  return { left, top, right, bottom, address: parts[5] };
}
