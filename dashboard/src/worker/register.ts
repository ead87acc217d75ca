/** Asks the browser to keep the page, where it can; without it all goes on as before. */

const SCRIPT = "/sw.js";

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): {
    createScriptURL(url: string): string;
  };
}

/** Asked for at once, while the service that sent the page is surely there. */
export async function keepForLater(): Promise<void> {
  // There is no worker while the page is developed, and none without a secure context.
  if (!import.meta.env.PROD || !isSecureContext || !("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(trusted(), { scope: "/", updateViaCache: "none" });
  } catch {
    // The browser will not, or the service went just then: the next visit tries again.
  }
}

/** The one script address this page makes: always the same (Trusted Types). */
function trusted(): string {
  const { trustedTypes } = window as unknown as { trustedTypes?: Policies };
  const policy = trustedTypes?.createPolicy("worker", { createScriptURL: () => SCRIPT });
  return policy ? policy.createScriptURL(SCRIPT) : SCRIPT;
}
