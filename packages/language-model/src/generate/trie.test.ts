import { describe, expect, it } from 'vitest';
import { allowSequences, Trie } from './trie.js';

describe('Trie', () => {
  const trie = new Trie([
    [5, 6, 2],
    [5, 7, 2],
    [8, 2],
  ]);

  it('says which ids may follow', () => {
    expect(trie.next([])).toEqual([5, 8]);
    expect(trie.next([5])).toEqual([6, 7]);
    expect(trie.next([5, 7])).toEqual([2]);
  });

  it('says that none may follow an end or a stranger', () => {
    expect(trie.next([8, 2])).toEqual([]);
    expect(trie.next([9])).toEqual([]);
    expect(new Trie().next([])).toEqual([]);
  });

  it('takes ids that begin with the begin token', () => {
    const allowed = allowSequences([[5, 6, 2]]);
    expect([...allowed([1], 0)]).toEqual([5]);
    expect([...allowed([1, 5], 0)]).toEqual([6]);
  });
});
