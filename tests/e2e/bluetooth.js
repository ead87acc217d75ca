/**
 * A Bluetooth object with one strap behind it, put into the page before its own script.
 * The strap sends the bytes of a real one: 0x2A37 with one RR interval, at the pace that
 * these intervals have. The test holds it by `window.strap`.
 */
(() => {
  const text = (words) => new DataView(new TextEncoder().encode(words).buffer);

  class Characteristic extends EventTarget {
    constructor(value) {
      super();
      this.value = value;
      this.notifying = false;
    }
    async readValue() {
      strap.mustBeConnected();
      return this.value;
    }
    async startNotifications() {
      strap.mustBeConnected();
      this.notifying = true;
      return this;
    }
    async stopNotifications() {
      this.notifying = false;
      return this;
    }
    send(value) {
      this.value = value;
      this.dispatchEvent(new Event("characteristicvaluechanged"));
    }
  }

  const service = (characteristics) => ({
    async getCharacteristic(name) {
      strap.mustBeConnected();
      if (!(name in characteristics)) throw new DOMException("none", "NotFoundError");
      return characteristics[name];
    },
  });

  class Device extends EventTarget {
    id = "Zm9vYmFyMTIzNA==";
    name = "Polar H10 1A2B3C4D";
    gatt = {
      connected: false,
      connect: async () => {
        strap.connects += 1;
        await new Promise((resolve) => setTimeout(resolve, 30));
        if (strap.away) throw new DOMException("no longer in range", "NetworkError");
        this.gatt.connected = true;
        return this.gatt;
      },
      disconnect: () => {
        strap.disconnects += 1;
        if (this.gatt.connected) strap.drop();
      },
      getPrimaryService: async (name) => {
        strap.mustBeConnected();
        if (!(name in strap.services)) throw new DOMException("none", "NotFoundError");
        return strap.services[name];
      },
    };
  }

  const heart = new Characteristic();
  const strap = {
    device: new Device(),
    services: {
      heart_rate: service({ heart_rate_measurement: heart }),
      battery_service: service({ battery_level: new Characteristic(new DataView(new Uint8Array([77]).buffer)) }),
      device_information: service({
        model_number_string: new Characteristic(text("H10\0")),
        manufacturer_name_string: new Characteristic(text("Polar Electro Oy")),
        firmware_revision_string: new Characteristic(text("5.0.0")),
      }),
    },
    answer: "cancel", // what the person does with the browser's list
    away: false,
    silent: false,
    connects: 0,
    disconnects: 0,
    asked: null,
    sent: [], // as hex, what was sent to someone who listened
    mustBeConnected() {
      if (!this.device.gatt.connected) throw new DOMException("GATT Server is disconnected.", "NetworkError");
    },
    drop() {
      this.device.gatt.connected = false;
      heart.notifying = false;
      this.device.dispatchEvent(new Event("gattserverdisconnected"));
    },
  };

  let k = 0;
  const beat = () => {
    const rr = 560 + Math.round(40 * Math.sin(k / 2)) + (k % 7); // 1/1024 s, a quick heart
    k += 1;
    setTimeout(() => {
      if (strap.device.gatt.connected && heart.notifying && !strap.silent) {
        const value = new DataView(new ArrayBuffer(4));
        value.setUint8(0, 0x10);
        value.setUint8(1, Math.round((60 * 1024) / rr));
        value.setUint16(2, rr, true);
        strap.sent.push([...new Uint8Array(value.buffer)].map((b) => b.toString(16).padStart(2, "0")).join(""));
        heart.send(value);
      }
      beat();
    }, (rr * 1000) / 1024);
  };
  beat();

  Object.defineProperty(navigator, "bluetooth", {
    value: {
      async getAvailability() {
        return strap.answer !== "off";
      },
      async requestDevice(options) {
        strap.asked = options;
        if (strap.answer === "choose") return strap.device;
        if (strap.answer === "forbid") throw new DOMException("Permissions policy", "SecurityError");
        throw new DOMException("User cancelled the requestDevice() chooser.", "NotFoundError");
      },
    },
  });
  window.strap = strap;
})();
