/** Events from a callback as an async iterable: nothing is dropped, and whoever waits is woken. */
export interface Channel<T> extends AsyncIterable<T> {
  push(this: void, event: T): void;
  end(this: void): void;
}

export function channel<T>(): Channel<T> {
  const queue: T[] = [];
  let ended = false;
  let wake = () => {};
  const end = () => {
    ended = true;
    wake();
  };
  return {
    push(event) {
      queue.push(event);
      wake();
    },
    end,
    async *[Symbol.asyncIterator]() {
      while (!ended || queue.length) {
        if (queue.length) yield queue.shift() as T;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
