// Numbers, times and paths as people read them. Pure.

const THIN = "\u2009";

/** "1 204", a thin space between thousands. */
export function countText(number) {
  return String(Math.trunc(number)).replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** "48 %", a thin space before the sign. */
export function percentText(percent) {
  return `${percent}${THIN}%`;
}

/** "1 file", "3 files", "no files". */
export function plural(number, noun) {
  if (number === 0) return `no ${noun}s`;
  return `${countText(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** "0:39", from an hour "1:02:03", from a day "2 d 3 h". */
export function durationText(seconds) {
  const whole = Math.max(0, Math.trunc(seconds));
  const hours = Math.trunc(whole / 3600);
  if (hours >= 24) return `${Math.trunc(hours / 24)} d ${hours % 24} h`;
  const minutes = Math.trunc(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** "now", "12 s ago", "3 min ago", "2 h ago", from two days "3 d ago". */
export function agoText(seconds) {
  if (seconds < 1.5) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

/** A coarse estimate: "under 1 min", "3 min", "2 h". */
export function remainingText(seconds) {
  if (seconds < 60) return "under 1 min";
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** How long until something that has its time: "4 s", "3 min". */
export function waitText(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** The reader's local time: "14:03", with seconds "14:03:12". */
export function clockText(milliseconds, withSeconds = false) {
  const time = new Date(milliseconds);
  const parts = [time.getHours(), time.getMinutes()];
  if (withSeconds) parts.push(time.getSeconds());
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

const DAY_AND_MONTH = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** "24 Nov" in the reader's local time; "" where that is the day of `now`. */
export function otherDayText(milliseconds, now) {
  const sameDay = new Date(milliseconds).toDateString() === new Date(now).toDateString();
  return sameDay ? "" : DAY_AND_MONTH.format(milliseconds);
}

/** When something was, seen from `now`: "14:03", on another day "24 Nov, 14:03". */
export function whenText(milliseconds, now) {
  return [otherDayText(milliseconds, now), clockText(milliseconds)].filter(Boolean).join(", ");
}

export function capital(word) {
  return word ? word[0].toUpperCase() + word.slice(1) : "";
}

/** Where to cut a long name or path: the head may give way, the tail (the last part, at most 26 characters) stays. */
export function headAndTail(text, longest = 26) {
  const separators = /[/\\_.\-:]/;
  let at = text.lastIndexOf("/");
  if (at <= 0) return [text, ""];
  if (text.length - at > longest) {
    at = text.length - longest;
    while (at < text.length - 8 && !separators.test(text[at])) at += 1;
  }
  return [text.slice(0, at), text.slice(at)];
}

/**
 * Words that change only when they stay changed: an estimate must not flicker.
 * One instance serves all rows; `forget` what is gone.
 */
export class SteadyWords {
  constructor(holdMs = 3000) {
    this.holdMs = holdMs;
    this.entries = new Map();
  }

  /** Whether there were words for it. */
  has(key) {
    return this.entries.has(key);
  }

  words(key, wanted, now) {
    const entry = this.entries.get(key);
    if (!entry) {
      if (wanted !== "") this.entries.set(key, { shown: wanted, wanted, since: now });
      return wanted;
    }
    if (wanted !== entry.wanted) Object.assign(entry, { wanted, since: now });
    if (now - entry.since >= this.holdMs) entry.shown = entry.wanted;
    return entry.shown;
  }

  forget(key) {
    this.entries.delete(key);
  }
}
