/** A choice that is folded: its name and what is chosen now; the rest comes with a tap. */

import { html, type TemplateResult } from "lit";

export interface Fold {
  readonly testid: string;
  readonly title: string;
  /** What is chosen now. */
  readonly now: string | TemplateResult;
  readonly open?: boolean;
}

export function fold({ testid, title, now, open = false }: Fold, body: TemplateResult): TemplateResult {
  return html`<details class="fold" data-testid=${testid} ?open=${open}>
    <summary>
      <span class="fold-words"><span class="quiet">${title}</span><span class="fold-now">${now}</span></span>
    </summary>
    <div class="fold-body">${body}</div>
  </details>`;
}
