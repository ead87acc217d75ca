/** The numbers of a session with how long each looks back. What is not known is a dash. */

import { html, nothing, type TemplateResult } from "lit";
import { words } from "../copy-room.ts";
import type { WindowMetrics } from "../protocol.ts";
import type { PaceNow } from "../room-paced.ts";
import type { Listed, Shared } from "../room-tile.ts";
import { usualEnds } from "../room-words.ts";

type Row = keyof typeof words.detail.rows;

const WINDOWS = ["30", "60", "300"] as const;
/** How many digits, and what the number is multiplied with to be shown. */
const shapes: Readonly<Record<Row, readonly [number, number]>> = {
  hr_bpm: [0, 1],
  rmssd_ms: [0, 1],
  sdnn_ms: [0, 1],
  pnn50_pct: [0, 1],
  artefact_pct: [0, 1],
  coverage: [0, 100],
};

/** What the person breathes by: a pace, nothing, or nothing that is known. */
export type Breath = PaceNow | "own" | null;

export function roomNumbers(metrics: Shared | null, listed: Listed, breath: Breath): TemplateResult {
  const d = words.detail;
  const heart = listed.streams.includes("heart");
  return html`<section class="panel" aria-labelledby="numbers-title">
    <h2 id="numbers-title">${d.numbers}</h2>
    ${heart
      ? html`<div class="table-place">
          <table class="table windows" data-testid="detail-numbers">
            <thead>
              <tr>
                <th scope="col">${d.window}</th>
                ${WINDOWS.map((one) => html`<th scope="col" class="number">${d.seconds(one)}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${(Object.keys(d.rows) as Row[]).map(
                (row) => html`<tr>
                  <th scope="row">${d.rows[row]}</th>
                  ${WINDOWS.map((one) => html`<td class="number">${cell(metrics?.window_s?.[one], row)}</td>`)}
                </tr>`,
              )}
            </tbody>
          </table>
        </div>`
      : html`<p class="quiet">${words.room.notShared}</p>`}
    <dl class="facts-list">${facts(metrics, listed, breath)}</dl>
    ${heart && metrics?.reason ? html`<p class="quiet" data-testid="detail-reason">${metrics.reason}</p>` : nothing}
  </section>`;
}

function cell(window: WindowMetrics | undefined, row: Row): string {
  const value = window?.[row] ?? null;
  const [digits, times] = shapes[row];
  return value === null ? words.detail.unknown : (value * times).toFixed(digits);
}

function facts(metrics: Shared | null, listed: Listed, by: Breath): TemplateResult[] {
  const d = words.detail;
  const ends = usualEnds(listed.usual);
  const rsa = metrics?.rsa_bpm ?? null;
  const activation = metrics?.activation ?? null;
  const breathing = metrics?.breathing ?? null;
  const of = (value: number | null | undefined, digits: number, unit = ""): string | null =>
    value == null ? null : `${value.toFixed(digits)}${unit}`;
  const heart: readonly (readonly [string, string | null])[] = [
    [
      d.rsa,
      rsa === null
        ? null
        : `${d.rsaUnit(rsa.toFixed(1), of(metrics?.rsa_ms, 0))} (${ends ? words.room.rsaUsual(...ends) : words.room.noUsual})`,
    ],
    [d.peak, of(metrics?.lf_peak_hz, 3, " Hz")],
    [d.coherence, of(metrics?.coherence_ratio, 2)],
    [
      d.activation,
      activation ? `${d.bands[activation.band]}, ${d.confidence(Math.round(100 * activation.confidence))}` : null,
    ],
  ];
  const breath: readonly (readonly [string, string | null])[] = [
    [d.pace, by === "own" ? words.room.own : by ? paceWords(by) : null],
    [
      d.breathing,
      breathing
        ? `${d.breaths(breathing.breaths_per_min.toFixed(1))}, ${d.confidence(Math.round(100 * breathing.confidence))}`
        : null,
    ],
  ];
  // Of a pace that nobody follows there is nothing to say.
  const together: readonly (readonly [string, string | null])[] = [
    [d.followed, metrics?.followed == null ? null : metrics.followed ? d.yes : d.no],
    [d.inPhase, of(metrics?.in_phase_pct, 0, " %")],
    [d.phase, of(metrics?.phase_deg, 0, "°")],
  ];
  return [
    ...(listed.streams.includes("heart") ? heart : []),
    ...(listed.streams.includes("breathing") ? [...breath, ...(by === "own" ? [] : together)] : []),
  ].map(
    ([name, value]) => html`<dt>${name}</dt>
      <dd>${value ?? d.unknown}</dd>`,
  );
}

function paceWords({ part, goalBpm }: PaceNow): string {
  return words.detail.paceNow(part.rate_bpm.toFixed(1), goalBpm?.toFixed(1) ?? null, part.inhale_pct.toFixed(0));
}
