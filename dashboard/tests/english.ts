/** The tests read English; imported before anything that has words. */

import { useWords } from "../src/copy.ts";
import { en } from "../src/languages/en.ts";

useWords(en);
