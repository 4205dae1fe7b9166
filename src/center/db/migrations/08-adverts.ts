import { hex, statements } from "./sql.js";

/**
 * Operators' adverts: a picture, the icons in it, and where a click on each leads; the clients that they may lead into
 * the local network; and the clicks that clients kept and reported.
 */
export const adverts = statements(
  `create table adverts (
     id text primary key ${hex("id", 8)},
     operator_id text not null references operators,
     content_id text references contents,
     name text not null,
     media_type text,
     length bigint,
     sha256 text ${hex("sha256", 32)},
     created_at bigint not null,
     withdrawn_at bigint
   )`,
  `create index adverts_operator on adverts (operator_id) where withdrawn_at is null`,
  `create table advert_areas (
     advert_id text not null references adverts,
     number integer not null check (number between 0 and 3),
     left_at integer not null check (left_at between 0 and 255),
     top_at integer not null check (top_at between 0 and 255),
     right_at integer not null check (right_at between left_at and 255),
     bottom_at integer not null check (bottom_at between top_at and 255),
     address text not null,
     primary key (advert_id, number)
   )`,
  `create table local_adverts (
     device_id text primary key references devices,
     allowed boolean not null,
     serial bigint not null check (serial > 0)
   )`,
  `create table advert_clicks (
     advert_id text primary key ${hex("advert_id", 8)},
     count bigint not null check (count >= 0)
   )`,
);
