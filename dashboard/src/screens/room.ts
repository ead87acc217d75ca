/** The pages of therapists and admins: loaded when first asked for, never with a practice. */

import "../styles/room.css";
import "../parts/who.ts";
import "./accounts.ts";
import "./live-room.ts";
import "./people.ts";
