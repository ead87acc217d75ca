/** The way out of a place of several people, from the page where a day begins. */

import { done } from "./api.ts";
import { diaryBox } from "./diary-box.ts";
import { who } from "./who.ts";

export async function signOut(): Promise<void> {
  await diaryBox.flush();
  await done("POST", "sign-out");
  who.me = null;
}
