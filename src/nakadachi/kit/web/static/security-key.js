// Asks the browser for a security key and puts its answer into the form. What a key says is checked by the server alone.
(() => {
  "use strict";
  const form = document.querySelector("form[data-key]");
  if (!form) return;
  const said = document.getElementById("key-said");
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const ids = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function made(options) {
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: ids(options.excludeCredentials),
    };
    const key = await navigator.credentials.create({ publicKey });
    const { clientDataJSON, attestationObject } = key.response;
    return { key, response: { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) } };
  }

  async function used(options) {
    const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: ids(options.allowCredentials) };
    const key = await navigator.credentials.get({ publicKey });
    const { clientDataJSON, authenticatorData, signature } = key.response;
    const response = {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
    };
    return { key, response };
  }

  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    said.hidden = true;
    try {
      const options = JSON.parse(form.dataset.options);
      const { key, response } = await (form.dataset.key === "new" ? made(options) : used(options));
      form.elements.answer.value = JSON.stringify({
        id: key.id,
        rawId: text(key.rawId),
        type: key.type,
        response,
        clientExtensionResults: {},
      });
      form.submit();
    } catch {
      said.hidden = false;
      said.focus();
    }
  });
})();
