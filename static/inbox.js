// The inbox's own: canned replies after a slash, emoji, answering one message, colleagues who are typing.
(() => {
  const $ = (what, where = document) => where.querySelector(what);
  const $$ = (what, where = document) => [...where.querySelectorAll(what)];
  const reply = () => $("#compose textarea[data-canned]");
  const list = () => $("#canned");

  const put = (text) => {
    const field = $("#compose textarea");
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };

  // Canned replies: shown while the box holds one word that begins with a slash.
  const close = () => {
    const found = list();
    if (found) {
      found.hidden = true;
      found.replaceChildren();
    }
    reply()?.removeAttribute("aria-activedescendant");
  };
  const options = () => $$("#canned [role=option]");
  const choose = (option) => {
    for (const one of options()) one.setAttribute("aria-selected", String(one === option));
    if (!option) return;
    option.scrollIntoView({ block: "nearest" });
    reply().setAttribute("aria-activedescendant", option.id);
  };
  const take = (option) => {
    const field = reply();
    field.value = option.dataset.text;
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.setSelectionRange(field.value.length, field.value.length);
    field.focus();
  };
  const ask = async (field) => {
    const asked = field.value;
    const typed = /^\/(\S*)$/.exec(asked);
    if (!typed) return close();
    const answer = await fetch(`${field.dataset.canned}?q=${encodeURIComponent(typed[1])}`, {
      headers: { "HX-Request": "true" },
    });
    const found = await answer.text();
    // Answers may overtake one another: only that to what stands there now is shown.
    if (!answer.ok || asked !== field.value || !list()) return;
    list().innerHTML = found;
    list().hidden = false;
    choose(options()[0]);
  };
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.target !== reply() || !list() || list().hidden) return;
      const shown = options();
      const at = shown.findIndex((one) => one.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" || event.key === "ArrowUp")
        choose(shown[(at + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % shown.length]);
      else if ((event.key === "Enter" || event.key === "Tab") && shown[at]) take(shown[at]);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );

  // Colleagues see that somebody is answering; told again every four seconds at most.
  let told = 0;
  let silence = 0;
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field !== reply()) return;
    ask(field);
    if (!field.value || Date.now() - told < 4000) return;
    told = Date.now();
    fetch(field.dataset.typing, {
      method: "POST",
      headers: JSON.parse(document.body.getAttribute("hx-headers")),
    }).catch(() => {});
  });
  document.body.addEventListener("colleague", (event) => {
    const line = $("#typing");
    if (
      !line ||
      event.detail.conversation !== $("#pane").dataset.conversation ||
      event.detail.who === line.dataset.me
    )
      return;
    line.textContent = `${event.detail.who} ${line.dataset.text}`;
    clearTimeout(silence);
    silence = setTimeout(() => {
      line.textContent = "";
    }, 6000);
  });

  // Answering one message.
  const unquote = (form) => {
    form.elements.context.value = "";
    $(".quoting", form).hidden = true;
  };
  document.addEventListener("click", (event) => {
    const option = event.target.closest("#canned [role=option]");
    if (option) return take(option);
    const emoji = event.target.closest("[data-emoji] button");
    if (emoji) {
      emoji.closest("details").open = false;
      return put(emoji.textContent);
    }
    const quote = event.target.closest("[data-quote]");
    const form = $("#compose form[data-draft]");
    if (quote && form) {
      form.elements.context.value = quote.dataset.quote;
      $(".quoting span", form).textContent = quote.dataset.quoted;
      $(".quoting", form).hidden = false;
      $("textarea", form).focus();
    } else if (event.target.closest("[data-unquote]")) unquote(form);
  });

  // Reactions, mentions, and pictures in large.
  document.addEventListener("click", (event) => {
    const reaction = event.target.closest("[data-react]");
    if (reaction) {
      const form = $("#react");
      form.elements.message.value = reaction.dataset.message;
      form.elements.emoji.value = reaction.dataset.react;
      form.requestSubmit();
    }
    const mention = event.target.closest("[data-mention]");
    if (mention) put(mention.dataset.mention);
    const picture = event.target.closest(".media a:has(img)");
    const box = $("#lightbox");
    if (picture && box && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      $("img", box).src = picture.href;
      $("img", box).alt = $("img", picture).alt;
      $("p span", box).textContent = $("img", picture).alt;
      $("a", box).href = picture.href;
      box.showModal();
    }
  });

  // Several conversations at once: a click chooses rows while *Select* is on.
  const chosen = new Set();
  const many = $("#change-many");
  const select = $("[data-select-rows]");
  if (select) select.hidden = false;
  const showChosen = () => {
    for (const row of $$("#rows .talk")) {
      row.classList.toggle("selected", chosen.has(row.id));
      if (selecting()) row.setAttribute("aria-pressed", String(chosen.has(row.id)));
      else row.removeAttribute("aria-pressed");
    }
    many.hidden = !selecting();
    many.elements.ids.value = [...chosen].map((id) => id.replace("talk-", "")).join(",");
    const line = $("[data-one]", many);
    line.textContent = `${chosen.size} ${line.dataset.one}`;
    for (const button of $$("button[name=change]", many)) button.disabled = !chosen.size;
  };
  const selecting = () => $("#inbox").classList.contains("selecting");
  const setSelecting = (on) => {
    $("#inbox").classList.toggle("selecting", on);
    chosen.clear();
    showChosen();
  };
  select?.addEventListener("click", () => setSelecting(!selecting()));
  document.addEventListener(
    "click",
    (event) => {
      if (!many) return;
      const row = event.target.closest("#rows .talk");
      if (row && selecting()) {
        event.preventDefault();
        event.stopPropagation();
        if (!chosen.delete(row.id)) chosen.add(row.id);
        showChosen();
      }
      const change = event.target.closest("#change-many button[name=change]");
      if (change?.dataset.field) many.elements[change.dataset.field].value = change.dataset.value;
      if (event.target.closest("[data-select-none]")) setSelecting(false);
    },
    true,
  );
  document.addEventListener("htmx:afterSettle", () => many && selecting() && showChosen());
  many?.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) setSelecting(false);
  });
})();
