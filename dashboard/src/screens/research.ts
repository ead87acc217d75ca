/** The researcher's pages: loaded when first asked for, never with a practice. */

import "../styles/research.css";
import "./recordings.ts";
import "./review.ts";
