// Passkeys: asks the authenticator to sign what the gate says, and hands back what it signed. It decides nothing: the gate compares every byte
// with what it asked for, and a yes is still a form that is posted by whoever pressed its button.
"use strict";

async function ask(path, data) {
  const reply = await fetch(path, { method: "POST", body: new URLSearchParams(data) });
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.error);
  return said;
}
const sign = async (options) =>
  JSON.stringify(await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }));
const create = async (options) =>
  JSON.stringify(await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }));

// What to do with a form instead of posting it; `act` says whether it is to be posted now. One at a time; a refusal is said beside the form.
function instead(form, act) {
  const told = document.createElement("p");
  told.setAttribute("role", "alert");
  form.after(told);
  let busy = false;
  form.addEventListener("submit", async (event) => {
    if (form.dataset.signed) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    told.textContent = "";
    try {
      if (await act()) { form.dataset.signed = "yes"; form.requestSubmit(); }
    } catch (error) {
      told.textContent = error.name === "NotAllowedError" ? "Nothing was signed: it was cancelled, or took too long." : error.message;
    } finally { busy = false; }
  });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  instead(form, async () => (form.elements.passkey.value = await sign(await ask(form.dataset.passkey, new FormData(form)))));
  addEventListener("pageshow", () => { form.elements.passkey.value = ""; delete form.dataset.signed; }); // back in the history: sign anew
}
for (const form of document.querySelectorAll("form[data-enrol]")) {
  instead(form, async () => {
    const credential = await create(await ask("/passkeys/options", {}));
    const said = await ask(form.action, { credential, code: form.elements.code?.value ?? "" });
    if (said.confirm) await ask("/passkeys/confirm", { assertion: await sign(said.confirm) });
    location.reload();
  });
}
