import { useWords } from "./copy.ts";
import { loadWords } from "./language.ts";
import { keepForLater } from "./worker/register.ts";

useWords(await loadWords());
await import("./app.ts");
void keepForLater();
