// Every page's controls: theme, command palette, buttons by name, menus, keyboard. Pages work without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme: automatic, or what was chosen here.
  const switchTheme = () => {
    const dark =
      getComputedStyle(document.documentElement).colorScheme === "dark" ||
      (document.documentElement.dataset.theme === "auto" &&
        matchMedia("(prefers-color-scheme: dark)").matches);
    const theme = dark ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme};path=/;max-age=31536000;samesite=lax`;
    document.body.dispatchEvent(new CustomEvent("theme"));
  };

  // Palette.
  const palette = $("#palette");
  const openPalette = () => {
    palette.showModal();
    const input = $("input", palette);
    input.value = "";
    filter("");
    input.focus();
  };
  const options = () => $$("li:not([hidden])", palette);
  const choose = (option) => {
    for (const li of $$("li", palette)) li.setAttribute("aria-selected", String(li === option));
    option?.scrollIntoView({ block: "nearest" });
  };
  // Entries are found by their own text and by other words for them; rows by the server.
  const matches = (li, words) => {
    const text = `${li.textContent} ${li.dataset.words || ""}`.toLowerCase();
    return words
      .toLowerCase()
      .split(/\s+/)
      .every((word) => text.includes(word));
  };
  const entries = palette ? $$("li", palette) : [];
  // First what is called so, then what begins so, then what has it in its title.
  const rank = (li, words) => {
    const link = $("a", li);
    const title = ($("span", link) || link).textContent.trim().toLowerCase();
    const asked = words.trim().toLowerCase();
    if (!asked || title === asked) return 0;
    if (title.startsWith(asked)) return 1;
    return title.includes(asked) ? 2 : 3;
  };
  const filter = (words) => {
    const list = $("ul", palette);
    for (const li of $$("[data-found]", list)) li.remove();
    for (const li of entries) li.hidden = !matches(li, words);
    list.append(...entries.toSorted((one, other) => rank(one, words) - rank(other, words)));
    if (words) list.append(searchMessages(words));
    choose(options()[0]);
    clearTimeout(asking);
    if (words.trim().length > 1) asking = setTimeout(() => askRows(words), 150);
  };
  let asking = 0;
  const searchMessages = (words) => {
    const input = $("input", palette);
    const li = document.createElement("li");
    li.dataset.found = "1";
    li.setAttribute("role", "option");
    const a = document.createElement("a");
    a.href = `${input.dataset.messages}?${new URLSearchParams({ q: words })}`;
    a.textContent = `${input.dataset.messagesLabel} “${words}”`;
    li.append(a);
    return li;
  };
  const askRows = async (words) => {
    const input = $("input", palette);
    const answer = await fetch(`${input.dataset.rows}?${new URLSearchParams({ q: words })}`).catch(
      () => null,
    );
    // Answers may overtake one another: only that to what stands there now is shown.
    if (!answer?.ok || answer.redirected || input.value !== words) return;
    const chosen = $$("li", palette).find((li) => li.getAttribute("aria-selected") === "true");
    const wasLast =
      !chosen || (chosen.dataset.found && chosen === $("ul", palette).lastElementChild);
    $("ul > li:last-child", palette).insertAdjacentHTML("beforebegin", await answer.text());
    if (wasLast) choose(options()[0]);
  };
  palette?.addEventListener("input", (event) => filter(event.target.value));
  palette?.addEventListener("keydown", (event) => {
    const shown = options();
    const at = shown.findIndex((li) => li.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(shown[(at + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % shown.length]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      palette.close();
      $("a", shown[at])?.click();
    }
  });

  document.addEventListener("change", (event) => {
    const kept = event.target.dataset.cookie;
    if (kept)
      document.cookie = `${kept}=${event.target.checked ? 1 : 0};path=/;max-age=31536000;samesite=lax`;
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  // The next {{n}} of a template's text, where the cursor is.
  const addVariable = (button) => {
    const text = $(button.dataset.into);
    const used = [...text.value.matchAll(/\{\{(\d+)\}\}/g)].map((found) => Number(found[1]));
    text.setRangeText(
      `{{${Math.max(0, ...used) + 1}}}`,
      text.selectionStart,
      text.selectionEnd,
      "end",
    );
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const deeds = {
    theme: switchTheme,
    palette: openPalette,
    keys: () => $("#keys").showModal(),
    variable: addVariable,
  };
  document.addEventListener("click", (event) => {
    const doing = event.target.closest("[data-do]");
    if (doing) {
      event.preventDefault();
      palette?.open && palette.close();
      deeds[doing.dataset.do](doing);
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy)
      navigator.clipboard.writeText($(copy.dataset.copy).textContent.trim()).then(() => {
        copy.dataset.done = "1";
        copy.textContent = "✓";
      });
    if (event.target.nodeName === "DIALOG") event.target.close();
    const again = event.target.closest("[data-confirm]");
    if (again && !window.confirm(again.dataset.confirm)) event.preventDefault();
  });

  // The time zone is guessed by the browser, unless somebody has chosen one.
  const zone = $("select[data-guess=timezone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone?.value === "UTC" && $(`option[value="${CSS.escape(here)}"]`, zone)) zone.value = here;

  // A form is sent once: a second click does nothing until the page or its answer is there.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post") || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of $$("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  });

  // Keyboard; off while typing, except Ctrl-K, Ctrl-Enter and Esc.
  const goTo = {
    i: "/inbox/",
    u: "/usage/",
    b: "/invoices/",
    m: "/messages/",
    p: "/phone/",
    s: "/search/",
    h: "/",
  };
  let going = 0;
  const step = (by) => {
    const rows = $$("[data-row]");
    if (!rows.length) return;
    let at = rows.indexOf(document.activeElement);
    if (at < 0) at = rows.findIndex((row) => row.getAttribute("aria-current"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  // Menus close by a click elsewhere, and by Escape before anything else hears it.
  document.addEventListener("click", (event) => {
    for (const menu of $$("details.menu[open]"))
      if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
      if (menu) {
        menu.open = false;
        $("summary", menu).focus();
        event.stopPropagation();
      }
    },
    true,
  );
  const press = (name) => {
    const found = $(`[data-key=${name}]`);
    if (!found) return false;
    if (/INPUT|TEXTAREA|SELECT/.test(found.nodeName)) found.focus();
    else found.click();
    return true;
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    "/": () => press("search") || openPalette(),
    r: () => press("reply"),
    e: () => press("resolve"),
    a: () => press("assign"),
    l: () => press("label"),
    n: () => press("note"),
    t: () => press("templates"),
    "?": () => $("#keys")?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches(
      "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]",
    );
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
      event.preventDefault();
      palette.open ? palette.close() : openPalette();
      return;
    }
    const sends =
      event.ctrlKey ||
      event.metaKey ||
      (!event.shiftKey && !event.isComposing && event.target.form?.matches("[data-enter-sends]"));
    if (sends && event.key === "Enter" && event.target.form && event.target.nodeName !== "BUTTON") {
      event.preventDefault();
      event.target.form.requestSubmit();
      return;
    }
    if (event.key === "Escape" && !$("dialog[open]")) {
      if (typing) event.target.blur();
      else press("cancel") || press("back");
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (Date.now() - going < 1200 && goTo[event.key]) {
      event.preventDefault();
      going = 0;
      location.assign(goTo[event.key]);
      return;
    }
    if (event.key === "g") {
      going = Date.now();
      return;
    }
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
})();
