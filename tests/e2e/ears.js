// Listens at the browser's own front doors: what goes to the loudspeaker, what is
// asked of the vibration motor and of the voice. Nothing in the page knows of it.
"use strict";
{
  const heard = { samples: [], pulses: [], words: [], notes: [], stops: [] };
  window.heard = heard;
  const WINDOW = 4096; // about 90 ms: long enough for 1 % of 196 Hz
  const connect = AudioNode.prototype.connect;
  const ears = new WeakMap();

  // Upward crossings of zero, to a part of a sample.
  const pitchHz = (wave, rate) => {
    const at = [];
    for (let i = 1; i < wave.length; i++) {
      if (wave[i - 1] < 0 && wave[i] >= 0) at.push(i - wave[i] / (wave[i] - wave[i - 1]));
    }
    return at.length < 3 ? null : (rate * (at.length - 1)) / (at.at(-1) - at[0]);
  };

  const listen = (context) => {
    const ear = new AnalyserNode(context, { fftSize: WINDOW });
    ears.set(context, ear);
    const wave = new Float32Array(WINDOW);
    setInterval(() => {
      ear.getFloatTimeDomainData(wave);
      const last = wave.subarray(-512);
      heard.samples.push({
        at_ms: performance.now(),
        hz: pitchHz(wave, context.sampleRate),
        level: Math.sqrt(last.reduce((sum, x) => sum + x * x, 0) / last.length),
        step: wave.reduce((most, x, i) => Math.max(most, i ? Math.abs(x - wave[i - 1]) : 0), 0),
        phase: document.querySelector(".phase-word")?.textContent ?? null,
      });
    }, 20);
    return ear;
  };

  AudioNode.prototype.connect = function (...to) {
    if (to[0] instanceof AudioDestinationNode) {
      connect.call(this, ears.get(this.context) ?? listen(this.context));
    }
    return connect.apply(this, to);
  };

  const start = AudioScheduledSourceNode.prototype.start;
  AudioScheduledSourceNode.prototype.start = function (whenS) {
    if (this.type === "sine") heard.notes.push({ at_ms: whenS * 1000, hz: this.frequency.value });
    return start.call(this, whenS);
  };

  const vibrate = Navigator.prototype.vibrate;
  Navigator.prototype.vibrate = function (pattern) {
    const phase = document.querySelector(".phase-word")?.textContent ?? null;
    heard.pulses.push({ at_ms: performance.now(), pattern, phase });
    return vibrate.call(this, pattern);
  };

  const speak = SpeechSynthesis.prototype.speak;
  SpeechSynthesis.prototype.speak = function (said) {
    heard.words.push({ words: said.text, lang: said.lang, rate: said.rate, volume: said.volume });
    return speak.call(this, said);
  };

  for (const name of ["click", "keydown"]) {
    addEventListener(name, (event) => heard.stops.push({ at_ms: performance.now(), key: event.key ?? name }), true);
  }
}
