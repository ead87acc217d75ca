/** A tile in words, for the eye and for the ear. Pure. */

import { agoWords, ratingWords, standingWords, streamsWords, words } from "./copy-room.ts";
import { type Band, type Listed, STREAMS, type TileView, usualOf } from "./room-tile.ts";

/** What is usual for this person, as two ends; null where it is not known. */
export function usualEnds(band: Band | null): readonly [string, string] | null {
  const usual = usualOf(band);
  if (usual === null) return null;
  const { middle, spread } = usual;
  return [Math.max(0, middle - spread).toFixed(0), (middle + spread).toFixed(0)];
}

/** "Streaming, last beat 1 s ago" */
export function stateWords({ standing, sinceBeatS }: TileView): string {
  const aged = sinceBeatS !== null && standing !== "ended" && standing !== "waiting";
  return aged ? `${standingWords[standing]}, ${words.room.sinceBeat(sinceBeatS)}` : standingWords[standing];
}

/** The last rating; a dash where one may have been given that this page was not told. */
export function ratingLine({ rating, allRatings }: TileView): string {
  const r = words.room;
  if (rating) return r.rating(ratingWords[rating.type], rating.value, agoWords(rating.agoMs));
  return allRatings ? r.noRating : r.ratingUnknown;
}

/** "Not shared: answers, what they write"; null where all of it is shared. */
export function withheldWords({ streams }: Listed): string | null {
  const withheld = STREAMS.filter((stream) => !streams.includes(stream));
  return withheld.length > 0 ? words.room.withheld(streamsWords(withheld)) : null;
}

/** All of a tile in a sentence or two. */
export function spokenTile(view: TileView): string {
  const s = words.spoken;
  const { listed, standing, hand, hrBpm, rsaBpm, inPhasePct, artefactPct, sinceBeatS, rating, own } = view;
  const ends = usualEnds(listed.usual);
  const parts = [
    standingWords[standing],
    hand ? words.room.hand : null,
    listed.simulated ? words.room.simulated : null,
    sinceBeatS === null ? null : s.sinceBeat(sinceBeatS),
    hrBpm === null ? null : s.hr(Math.round(hrBpm)),
    rsaBpm === null ? null : s.rsa(rsaBpm.toFixed(0), ends ? s.usual(...ends) : words.room.noUsual),
    own ? words.room.own : null,
    inPhasePct === null ? null : s.inPhase(Math.round(inPhasePct)),
    artefactPct === null ? null : s.artefacts(Math.round(artefactPct)),
    rating ? ratingLine(view) : null,
    withheldWords(listed),
  ];
  return `${parts.filter((part) => part !== null).join(", ")}.`;
}

/** "7 people share now · 1 with data to look at · 1 hand up" */
export function summaryWords(views: readonly TileView[]): string {
  const r = words.room;
  const n = (test: (view: TileView) => boolean): number => views.filter(test).length;
  const troubled = n((view) => view.need === "data");
  const hands = n((view) => view.hand);
  const paused = n((view) => view.standing === "paused");
  return [
    r.now(views.length),
    troubled > 0 ? r.troubled(troubled) : null,
    hands > 0 ? r.hands(hands) : null,
    paused > 0 ? r.paused(paused) : null,
  ]
    .filter((part) => part !== null)
    .join(" · ");
}
