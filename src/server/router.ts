import { parentOf } from '../wire/name.ts';
import { TYPE_DS } from '../wire/types.ts';
import type { RunningBlock } from './block.ts';

/** The zones of one listener and the block that each belongs to. */
export class Router {
  readonly #zones = new Map<string, RunningBlock>();
  #deepestZoneLabels = 0;

  /** Adds a zone (lower case, final dot); the first block of a zone keeps it. */
  add(zone: string, block: RunningBlock): void {
    if (this.#zones.has(zone)) return;
    this.#zones.set(zone, block);
    this.#deepestZoneLabels = Math.max(this.#deepestZoneLabels, countLabels(zone));
  }

  get zones(): IterableIterator<string> {
    return this.#zones.keys();
  }

  /**
   * The block that answers: the longest zone that holds `qname`. A DS record lives in the parent zone, so DS goes to the
   * shortest zone but the root; a block without handlers answers for itself at once.
   */
  route(qname: string, qtype: number): RunningBlock | undefined {
    let parent: RunningBlock | undefined;
    let name = this.#startOf(qname);
    while (name !== '.') {
      const block = this.#zones.get(name);
      if (block !== undefined) {
        if (qtype !== TYPE_DS || block.handlers.length === 0) return block;
        parent = block;
      }
      name = parentOf(name);
    }
    return parent ?? this.#zones.get('.');
  }

  /** Drops the labels of `qname` in front of the deepest zone that there is: none of those names can be a zone. */
  #startOf(qname: string): string {
    if (qname.includes('\\')) return qname; // An escaped dot is no label edge.
    let dot = qname.length - 1;
    for (let labels = 0; labels < this.#deepestZoneLabels; labels++) {
      dot = qname.lastIndexOf('.', dot - 1);
      if (dot <= 0) return qname;
    }
    return this.#deepestZoneLabels === 0 ? '.' : qname.slice(dot + 1);
  }
}

function countLabels(zone: string): number {
  let labels = 0;
  for (let name = zone; name !== '.'; name = parentOf(name)) labels++;
  return labels;
}
