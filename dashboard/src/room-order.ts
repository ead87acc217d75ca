/**
 * In which order the tiles stand: data that need a look, then raised hands, then the
 * rest by when they began. Never by what anybody's body does. Time is an argument.
 */

import type { Need, TileView } from "./room-tile.ts";

const RANK: Readonly<Record<Need, number>> = { data: 0, hand: 1, none: 2 };
/** Tiles change places no more often than this. */
const MOVE_APART_MS = 5_000;
/** A need moves a tile once it has lasted, and lets it go back later still. */
const LASTS_MS: Readonly<Record<Need, number>> = { data: 3_000, hand: 0, none: 10_000 };

interface Lasting {
  shown: Need;
  wanted: Need;
  sinceMs: number;
}

export class Order {
  readonly #needs = new Map<string, Lasting>();
  #order: readonly string[] = [];
  #movedMs = -Infinity;

  /**
   * The sessions in the order they stand in now. `held` keeps them where they are:
   * somebody is reading or pointing. A new one comes last until the next move, and one
   * that is gone leaves at once.
   */
  arrange(views: readonly TileView[], nowMs: number, held: boolean): readonly string[] {
    const byId = new Map(views.map((view) => [view.listed.session, view]));
    for (const id of this.#needs.keys()) if (!byId.has(id)) this.#needs.delete(id);
    for (const [id, view] of byId) this.#settle(id, view.need, nowMs);
    const stayed = this.#order.filter((id) => byId.has(id));
    const there = new Set(stayed);
    const fresh = views.map((view) => view.listed.session).filter((id) => !there.has(id));
    const first = stayed.length === 0;
    let order = [...stayed, ...this.#sorted(fresh, byId)];
    if (first || (!held && nowMs - this.#movedMs >= MOVE_APART_MS)) {
      const wanted = this.#sorted(order, byId);
      if (wanted.some((id, i) => id !== order[i])) this.#movedMs = nowMs;
      order = wanted;
    }
    this.#order = order;
    return order;
  }

  #settle(id: string, wanted: Need, nowMs: number): void {
    const known = this.#needs.get(id);
    if (!known) {
      // A strap is always looked for first: that is no trouble yet.
      const shown = wanted === "hand" ? wanted : "none";
      this.#needs.set(id, { shown, wanted, sinceMs: nowMs });
      return;
    }
    if (wanted !== known.wanted) {
      known.wanted = wanted;
      known.sinceMs = nowMs;
    }
    if (nowMs - known.sinceMs >= LASTS_MS[wanted]) known.shown = wanted;
  }

  #sorted(ids: readonly string[], byId: ReadonlyMap<string, TileView>): string[] {
    const key = (id: string): readonly [number, string, string] => [
      RANK[this.#needs.get(id)?.shown ?? "none"],
      byId.get(id)?.listed.started_at ?? "",
      id,
    ];
    const compare = (one: string, other: string): number => {
      const [a, b] = [key(one), key(other)];
      const at = a.findIndex((part, i) => part !== b[i]);
      return at < 0 ? 0 : (a[at] ?? 0) < (b[at] ?? 0) ? -1 : 1;
    };
    return [...ids].sort(compare);
  }
}

/** Where an arrow key leads in a grid of `columns`; the place itself where nowhere. */
export function stepTo(key: string, at: number, n: number, columns: number): number {
  const to: Readonly<Record<string, number>> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns,
    // The last row may be short: down from above it leads to the last tile.
    ArrowDown: at + columns >= n && Math.floor(at / columns) < Math.floor((n - 1) / columns) ? n - 1 : at + columns,
    Home: 0,
    End: n - 1,
  };
  const wanted = to[key] ?? at;
  return wanted < 0 || wanted >= n ? at : wanted;
}
