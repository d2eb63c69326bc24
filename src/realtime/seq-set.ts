const WORD_BITS = 32;
const BLOCK_WORDS = 32;
const BLOCK_BITS = WORD_BITS * BLOCK_WORDS;

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The bits `from` to `to` of one word, both ends included. */
const mask = (from: number, to: number): number =>
  (0xffffffff << from) & (0xffffffff >>> (WORD_BITS - 1 - to));

const aligned = (seq: number): number => Math.floor(seq / BLOCK_BITS) * BLOCK_BITS;

/**
 * A set of sequence numbers that answers how many of its members are smaller than a number.
 *
 * One bit each (12.5 kB per 100,000), with a Fenwick tree over blocks of 1024: a count walks the tree and at
 * most 32 words. Memory follows the span from the first member to the last, so numbers long gone cost nothing.
 */
export class SeqSet {
  /** The number that the first bit stands for; a multiple of a block. */
  private base = 0;
  private words = new Uint32Array(0);
  /** Fenwick tree over the blocks' counts, from index 1. */
  private tree = new Uint32Array(1);
  private count = 0;

  get size(): number {
    return this.count;
  }

  has(seq: number): boolean {
    const index = seq - this.base;
    if (index < 0 || index >= this.words.length * WORD_BITS) return false;
    return ((this.word(index >>> 5) >>> (index & 31)) & 1) === 1;
  }

  /** Adds `from` to `to`, both ends included. */
  addRange(from: number, to: number): void {
    if (to < from) return;
    this.reserve(from, to);
    this.write(from - this.base, to - this.base, true);
  }

  /** Removes `from` to `to`, both ends included; what is not a member does no harm. */
  deleteRange(from: number, to: number): void {
    const first = Math.max(0, from - this.base);
    const last = Math.min(this.words.length * WORD_BITS - 1, to - this.base);
    if (first <= last) this.write(first, last, false);
  }

  /** How many members are smaller. */
  countBelow(seq: number): number {
    const index = Math.min(seq - this.base, this.words.length * WORD_BITS);
    if (index <= 0) return 0;
    const word = index >>> 5;
    const block = Math.floor(word / BLOCK_WORDS);
    let sum = 0;
    for (let node = block; node > 0; node &= node - 1) sum += this.tree[node] ?? 0;
    for (let at = block * BLOCK_WORDS; at < word; at += 1) sum += popcount(this.word(at));
    const rest = index & 31;
    return rest === 0 ? sum : sum + popcount(this.word(word) & mask(0, rest - 1));
  }

  /** The member with `rank - 1` smaller ones; null where there are fewer. */
  select(rank: number): number | null {
    if (rank < 1 || rank > this.count) return null;
    let block = 0;
    let left = rank;
    for (let step = 1 << (31 - Math.clz32(this.tree.length)); step > 0; step >>>= 1) {
      const below = this.tree[block + step];
      if (below === undefined || below >= left) continue;
      block += step;
      left -= below;
    }
    for (let at = block * BLOCK_WORDS; ; at += 1) {
      const word = this.word(at);
      const bits = popcount(word);
      if (bits >= left) return this.base + at * WORD_BITS + nthBit(word, left);
      left -= bits;
    }
  }

  private word(at: number): number {
    return this.words[at] ?? 0;
  }

  private write(first: number, last: number, member: boolean): void {
    let block = -1;
    let change = 0;
    for (let at = first >>> 5; at <= last >>> 5; at += 1) {
      const bits = mask(Math.max(0, first - at * WORD_BITS), Math.min(WORD_BITS - 1, last - at * WORD_BITS));
      const before = this.word(at);
      const after = member ? before | bits : before & ~bits;
      this.words[at] = after;
      const own = Math.floor(at / BLOCK_WORDS);
      if (own !== block) {
        this.note(block, change);
        block = own;
        change = 0;
      }
      change += popcount(after) - popcount(before);
    }
    this.note(block, change);
  }

  private note(block: number, change: number): void {
    if (change === 0) return;
    this.count += change;
    for (let node = block + 1; node < this.tree.length; node += node & -node) {
      this.tree[node] = (this.tree[node] ?? 0) + change;
    }
  }

  /** Makes room for these numbers, forgetting the span before the first member. */
  private reserve(from: number, to: number): void {
    if (from >= this.base && to - this.base < this.words.length * WORD_BITS) return;
    const base = aligned(Math.min(this.select(1) ?? from, from));
    const end = Math.max(to, this.select(this.count) ?? to) + 1;
    // twice what is needed, so that a growing line is copied seldom
    const blocks = Math.ceil((2 * (end - base)) / BLOCK_BITS);
    const words = new Uint32Array(blocks * BLOCK_WORDS);
    const shift = (this.base - base) / WORD_BITS;
    for (let at = Math.max(0, -shift); at < this.words.length && at + shift < words.length; at += 1) {
      words[at + shift] = this.word(at);
    }
    this.base = base;
    this.words = words;
    this.tree = new Uint32Array(blocks + 1);
    this.count = 0;
    for (let block = 0; block < blocks; block += 1) {
      let members = 0;
      for (let at = block * BLOCK_WORDS; at < (block + 1) * BLOCK_WORDS; at += 1)
        members += popcount(this.word(at));
      this.note(block, members);
    }
  }
}

/** Index of the `rank`th set bit, from rank 1. */
function nthBit(word: number, rank: number): number {
  let rest = word;
  for (let skip = 1; skip < rank; skip += 1) rest &= rest - 1;
  return 31 - Math.clz32(rest & -rest);
}
