/** Says where this browser cannot keep a note until it is sent. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { diaryBox } from "../diary-box.ts";

export function notDurable(durable: boolean): TemplateResult | typeof nothing {
  return durable || diaryBox.durable
    ? nothing
    : html`<p class="plain-note" role="status" data-testid="not-durable">${copy.diary.notDurable}</p>`;
}
