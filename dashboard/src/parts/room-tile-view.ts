/** One tile as it stands in the grid: a link to its session, with its curve. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { words } from "../copy-room.ts";
import { amplitude, MANY_ARTEFACTS_PCT, type TileView } from "../room-tile.ts";
import { ratingLine, spokenTile, stateWords, usualEnds, withheldWords } from "../room-words.ts";
import type { Range } from "../sweep-geometry.ts";

const STALE_S = 5;

export interface Shown {
  readonly view: TileView;
  readonly range: Range | null;
  readonly spanS: number;
  /** Whether its session stands open beside the grid. */
  readonly open: boolean;
  /** Whether Tab leads to it; the arrow keys lead to the others. */
  readonly reached: boolean;
}

export function tileView({ view, range, spanS, open, reached }: Shown): TemplateResult {
  const r = words.room;
  const { session, alias, simulated, streams } = view.listed;
  const live = view.standing !== "paused";
  const heart = live && streams.includes("heart");
  const withheld = withheldWords(view.listed);
  return html`<li>
    <a
      class="tile"
      href=${`#room/${encodeURIComponent(session)}`}
      tabindex=${reached ? "0" : "-1"}
      aria-current=${open ? "true" : "false"}
      aria-labelledby=${`alias-${session}`}
      aria-describedby=${`spoken-${session}`}
      data-testid="tile"
      data-session=${session}
      data-standing=${view.standing}
      data-need=${view.need}
    >
      <span class="tile-top">
        <span class="alias" id=${`alias-${session}`}>${alias}</span>
        ${view.hand ? html`<span class="chip hand" aria-hidden="true">${r.hand}</span>` : nothing}
      </span>
      <span class="sr-only" id=${`spoken-${session}`}>${spokenTile(view)}</span>
      <span class="tile-body" aria-hidden="true">
        <span class="tile-line">
          <span class="tile-state">${stateWords(view)}</span>
          ${simulated
            ? html`<span class="tile-simulated"><span class="long">${r.simulated}</span><span class="short">${r.simulatedShort}</span></span>`
            : nothing}
        </span>
        <span class="tile-heart">
          <span class="hr ${(view.sinceBeatS ?? 0) > STALE_S ? "stale" : ""}"
            >${view.hrBpm === null ? "–" : Math.round(view.hrBpm)}</span
          ><span class="unit">${r.perMin}</span>
        </span>
        <canvas class="sweep"></canvas>
        <span class="tile-scale"
          >${heart && range ? html`<span>${r.scale(...range)}</span>` : nothing}<span>${r.span(spanS)}</span
          ><span>${r.behind}</span></span
        >
        <span class="tile-numbers">
          <span class="tile-rsa">${rsa(view)}</span>
          <span class="pair-number"
            >${view.own
              ? html`<span class="name">${r.ownShort}</span>`
              : html`<span class="name">${r.inPhase}</span> <span>${pct(view.inPhasePct)}</span>`}</span
          >
          <span class="pair-number ${(view.artefactPct ?? 0) > MANY_ARTEFACTS_PCT ? "noted" : ""}"
            ><span class="name">${r.artefacts}</span> <span>${pct(view.artefactPct)}</span></span
          >
        </span>
        ${streams.includes("ratings") ? html`<span class="tile-rating">${ratingLine(view)}</span>` : nothing}
        ${withheld ? html`<span class="tile-withheld">${withheld}</span>` : nothing}
      </span>
    </a>
  </li>`;
}

function pct(value: number | null): string {
  return value === null ? "–" : `${Math.round(value)} %`;
}

/** The swing of the heart beside this very person's usual: no other is the measure. */
function rsa(view: TileView): TemplateResult {
  const r = words.room;
  const ends = usualEnds(view.listed.usual);
  const bar = amplitude(view.rsaBpm, view.listed.usual);
  return html`<span class="pair-number"
      ><span class="name">${r.rsa}</span>
      <span
        >${view.rsaBpm === null ? "–" : view.rsaBpm.toFixed(0)}
        <span class="name">${ends ? r.rsaUsual(...ends) : r.noUsual}</span></span
      ></span
    >
    ${ends
      ? html`<svg class="amplitude" viewBox="0 0 100 8" preserveAspectRatio="none">
          <rect class="band-all" width="100" height="8" rx="4" />
          ${bar
            ? svg`<rect class="amplitude-usual" x=${100 * bar.low} width=${Math.max(1, 100 * (bar.high - bar.low))} height="8" />
                <rect class="amplitude-now" y="2" width=${100 * bar.now} height="4" rx="2" />`
            : nothing}
        </svg>`
      : nothing}`;
}
