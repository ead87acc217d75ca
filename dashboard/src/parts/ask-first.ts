/** Whom to ask first: the same words before the first practice and under Help. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";

/** The list, as sections under headings of `level` 2 or 3. */
export function askFirst(level: 2 | 3): TemplateResult {
  const c = copy.first;
  const lines = (all: readonly string[]): TemplateResult[] => all.map((line) => html`<p>${line}</p>`);
  const heading = (words: string): TemplateResult =>
    level === 2 ? html`<h2>${words}</h2>` : html`<h3>${words}</h3>`;
  return html`
    <section>
      ${heading(c.ask)}
      <ul class="plain-list">
        ${c.list.map((one) => html`<li>${one}</li>`)}
      </ul>
      <p class="quiet">${c.numbers}</p>
    </section>
    <section>${heading(c.now)} ${lines(c.nowLines)}</section>
    <section>${heading(c.asleep)} ${lines(c.asleepLines)}</section>
    <section>${heading(c.uneasy)} ${lines(c.uneasyLines)}</section>
  `;
}
