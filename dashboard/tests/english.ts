/** The tests read English; imported before anything that has words. */

import { useWords } from "../src/copy.ts";
import { useLater } from "../src/copy-later.ts";
import { en } from "../src/languages/en.ts";
import { en as laterEn } from "../src/languages/later/en.ts";

useWords(en);
useLater(laterEn);
