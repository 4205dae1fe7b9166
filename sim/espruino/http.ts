/** The engine's require("http"), as far as firmware uses it: a GET whose response comes later, or an error. */
import type { EngineContext } from "./context.js";

/** What the module needs of its board. */
export interface HttpBoard {
  /** GETs an address; undefined where the wireless is not joined. */
  readonly http: ((url: string) => Promise<number>) | undefined;
  run(task: () => void): void;
}

type Listener = (value?: unknown) => void;

/** Something with `on`, and how to tell its listeners. */
function emitter(sandbox: EngineContext, members: object): { object: Record<string, unknown>; tell(event: string, value?: unknown): void } {
  const listeners: { event: string; listener: Listener }[] = [];
  const object = sandbox.object({
    ...members,
    on: (event: string, listener: Listener) => {
      listeners.push({ event, listener });
    },
  });
  return {
    object,
    tell: (event, value) => {
      for (const one of listeners) if (one.event === event) one.listener(value);
    },
  };
}

export function httpModule(board: HttpBoard, sandbox: EngineContext): Record<string, unknown> {
  return sandbox.object({
    get: (url: unknown, done: Listener) => {
      const request = emitter(sandbox, {});
      const fail = (): void => {
        board.run(() => {
          request.tell("error", sandbox.object({ code: -1, message: "no response" }));
        });
      };
      const asked = board.http?.(String(url)) ?? Promise.reject(new Error("not joined"));
      asked.then(
        (status) => {
          if (status === 0) return fail();
          board.run(() => {
            const response = emitter(sandbox, { statusCode: String(status) });
            done(response.object);
            response.tell("data", "");
            response.tell("close");
          });
        },
        () => {
          fail();
        },
      );
      return request.object;
    },
  });
}
