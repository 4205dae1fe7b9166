/**
 * What this process keeps, counted and not weighed: the same in every run. To be imported before whatever is to be watched, so that no map is made unseen.
 */
import { queryObjects } from "node:v8";

const collections = new Set<WeakRef<Map<unknown, unknown> | Set<unknown>>>();
const seen = new WeakSet<object>();
const remember = Set.prototype.add;

function watch(collection: Map<unknown, unknown> | Set<unknown>): void {
  if (seen.has(collection)) return;
  seen.add(collection);
  remember.call(collections, new WeakRef(collection));
}

const { set } = Map.prototype;
Map.prototype.set = function (key: unknown, value: unknown) {
  watch(this);
  return set.call(this, key, value) as typeof this;
};
Set.prototype.add = function (value: unknown) {
  watch(this);
  return remember.call(this, value) as typeof this;
};

/** Everything that cannot be collected: objects, functions and lists of any kind, entries of maps and sets, and what listens to the process. */
export async function kept(): Promise<{ objects: number; entries: number; listeners: number }> {
  // The engine keeps timings of the latest 250 requests.
  performance.clearResourceTimings();
  // Counting collects all garbage first. What only a finalizer lets go of is gone once these have run.
  for (let round = 0; round < 3; round++) {
    queryObjects(Object, { format: "count" });
    await new Promise((resolve) => setTimeout(resolve));
  }
  let entries = 0;
  for (const collection of collections) {
    entries += collection.deref()?.size ?? 0;
    if (collection.deref() === undefined) collections.delete(collection);
  }
  const objects = queryObjects(Object, { format: "count" });
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { objects, entries, listeners };
}
