/**
 * Takes the next item while the last one is in use: data is made while the executor works, wherever the executor leaves
 * this thread free. The order stays; an error comes when its item is asked for.
 */
export function ahead<T>(source: AsyncIterator<T>): AsyncIterator<T> {
  let coming: Promise<IteratorResult<T>> | undefined;
  return {
    async next() {
      const item = await (coming ?? source.next());
      coming = item.done ? undefined : soon().then(() => source.next());
      coming?.catch(() => {});
      return item;
    },
    async return(value) {
      await coming?.catch(() => {});
      return (await source.return?.(value)) ?? { done: true, value };
    },
  };
}

/** Not at once: whoever asked hands the item to the executor first. */
const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
