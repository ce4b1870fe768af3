// Every page's script: live updates that keep scroll position, focus and drafts. Pages work without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const fire = (target, name, detail) =>
    target?.dispatchEvent(new CustomEvent(name, { bubbles: false, detail }));

  // Merge: a refreshed stretch replaces only the children that changed, so that focus, players and scroll stay.
  htmx.defineExtension("merge", {
    isInlineSwap: (style) => style === "merge",
    handleSwap(style, target, fragment) {
      if (style !== "merge") return false;
      const atEnd = nearEnd();
      const fresh = [...fragment.children];
      const known = new Map(
        [...target.children].filter((node) => node.id).map((node) => [node.id, node]),
      );
      const added = [];
      let place = target.firstElementChild;
      for (const node of fresh) {
        const old = node.id && known.get(node.id);
        if (old && (old.dataset.source || old.outerHTML) === node.outerHTML) {
          known.delete(node.id);
          if (old === place) place = place.nextElementSibling;
          else target.insertBefore(old, place);
          continue;
        }
        node.dataset.source = node.outerHTML;
        if (old) {
          known.delete(node.id);
          const focused = old.contains(document.activeElement);
          if (old === place) place = place.nextElementSibling;
          old.replaceWith(node);
          if (focused) node.focus();
          if (node.nextElementSibling !== place) target.insertBefore(node, place);
        } else target.insertBefore(node, place);
        added.push(node);
      }
      while (place) {
        const gone = place;
        place = place.nextElementSibling;
        gone.remove();
      }
      if (atEnd) toEnd();
      return added;
    },
  });

  // Threads start at their end and stay there unless the reader has scrolled up.
  const box = () => $("#messages");
  const nearEnd = () => {
    const b = box();
    return b && b.scrollHeight - b.scrollTop - b.clientHeight < 120;
  };
  const toEnd = () => {
    const b = box();
    if (b) b.scrollTop = b.scrollHeight;
  };
  const showThread = () => {
    if (location.hash.startsWith("#m") && $(location.hash))
      $(location.hash).scrollIntoView({ block: "center" });
    else toEnd();
    stick = !location.hash.startsWith("#m") && !$(".pager.below");
    restoreDraft();
    markCurrent();
    markHits();
  };
  // Words that were searched for are marked in the thread, without touching its elements.
  const markHits = () => {
    const marks = box()?.dataset.marks;
    if (!marks || !window.Highlight) return;
    // The server's expressions speak of letters of any script; so must these.
    const wanted = new RegExp(
      marks.replaceAll("[^\\W_]", "[\\p{L}\\p{N}]").replaceAll("[\\W_]", "[^\\p{L}\\p{N}]"),
      "giu",
    );
    const plain = (text) =>
      [...text]
        .map((c) => {
          const p = c
            .normalize("NFKD")
            .replace(/[\u0300-\u036f]/g, "")
            .normalize("NFKC")
            .toLowerCase();
          return p.length === c.length ? p : c;
        })
        .join("");
    const ranges = [];
    for (const said of $$("#messages .said, #messages .preview")) {
      const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        for (const match of plain(walker.currentNode.data).matchAll(wanted)) {
          const range = new Range();
          range.setStart(walker.currentNode, match.index);
          range.setEnd(walker.currentNode, match.index + match[0].length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("hits", new Highlight(...ranges));
  };
  // A picture that has loaded makes the thread longer: who was at the end stays there.
  let stick = true;
  document.addEventListener(
    "scroll",
    (event) => {
      if (event.target === box()) stick = nearEnd();
    },
    true,
  );
  document.addEventListener(
    "load",
    (event) => {
      if (event.target.nodeName === "IMG" && stick && box()?.contains(event.target)) toEnd();
    },
    true,
  );
  let heightBefore = 0;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.matches(".pager:not(.below)") && box()?.contains(event.detail.target))
      heightBefore = box().scrollHeight;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const b = box();
    markHits();
    if (b && heightBefore) {
      b.scrollTop += b.scrollHeight - heightBefore;
      heightBefore = 0;
    }
    const seen = new Set();
    for (const day of $$("#messages .day")) {
      if (seen.has(day.dataset.day)) day.remove();
      seen.add(day.dataset.day);
    }
    if (event.detail.target.id === "pane" || event.detail.elt.id === "pane") showThread();
    if (event.detail.elt.id === "compose") {
      restoreDraft();
      ($("#compose textarea") || $("#compose input:not([type=hidden], [type=file])"))?.focus();
    }
    if (event.detail.elt.id === "type") $("#type input[name=text]")?.focus();
    countUnread();
    markDrafts();
  });
  const markCurrent = () => {
    const open = $("#pane")?.dataset.conversation;
    for (const row of $$("#rows .talk")) {
      row.toggleAttribute("aria-current", row.id === `talk-${open}`);
      if (row.id === `talk-${open}`) row.setAttribute("aria-current", "true");
    }
    const rows = $("#rows");
    if (rows && open) rows.setAttribute("hx-vals", JSON.stringify({ current: open }));
  };

  // The number of unread conversations in the title.
  const title = document.title;
  const countUnread = () => {
    const unread = $$("#rows .talk.unread").length;
    if ($("#rows"))
      document.title = (unread ? `(${unread}) ` : "") + title.replace(/^\(\d+\) /, "");
  };

  // Live: one event stream; while it is away, ask every five seconds.
  const address = document.body.dataset.live;
  const live = $("#rows, #latest, #chats, [data-news]");
  let waiting = 0;
  const changed = new Set();
  const news = (conversation) => {
    changed.add(conversation);
    if (waiting) return;
    waiting = setTimeout(() => {
      waiting = 0;
      const open = $("#pane")?.dataset.conversation;
      fire(document.body, "news");
      if (changed.has("*") || changed.has(open)) fire($("#latest"), "thread-news");
      changed.clear();
    }, 120);
  };
  if (live && address) {
    let open = false;
    let source;
    const connect = () => {
      source = new EventSource(address, { withCredentials: true });
      source.onopen = () => {
        if (!open) news("*");
        open = true;
      };
      source.onerror = () => {
        open = false;
        if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
      };
      source.onmessage = (event) => {
        const said = JSON.parse(event.data);
        if (said.kind === "typing")
          document.body.dispatchEvent(new CustomEvent("colleague", { detail: said }));
        else news(said.conversation || "*");
      };
      source.addEventListener("refresh", () => news("*"));
    };
    connect();
    setInterval(() => {
      if (!open && !document.hidden) news("*");
    }, 5000);
    window.addEventListener("pagehide", () => source.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) connect();
    });
  }

  // Drafts stay in this browser until they are sent; rows of the list are marked.
  const draftKey = (form) => `draft:${form.dataset.draft}`;
  const markDrafts = () => {
    for (const row of $$("#rows .talk"))
      $(".draft-mark", row).hidden = !localStorage.getItem(row.id.replace("talk-", "draft:"));
  };
  const restoreDraft = () => {
    const form = $("form[data-draft]");
    const text = form && $("textarea", form);
    if (text && !text.value) text.value = localStorage.getItem(draftKey(form)) || "";
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-draft]");
    if (form && event.target.nodeName === "TEXTAREA") {
      if (event.target.value) localStorage.setItem(draftKey(form), event.target.value);
      else localStorage.removeItem(draftKey(form));
      markDrafts();
    }
    const preview = event.target.closest("form[data-preview]");
    if (preview) fillPreview(preview);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.detail.requestConfig.elt;
    if (
      form.dataset.draft &&
      event.detail.xhr.status === 200 &&
      !event.detail.xhr.responseText.includes('role="alert"')
    )
      localStorage.removeItem(draftKey(form));
  });
  // Files: chosen, pasted, or dropped onto the thread; shown by name before they are sent.
  const showFile = (form) => {
    const [file] = form.elements.file.files;
    const chosen = $(".chosen.file", form);
    const atEnd = nearEnd();
    chosen.hidden = !file;
    if (atEnd) toEnd();
    $("span", chosen).textContent = file ? `${file.name} (${Math.ceil(file.size / 1024)} kB)` : "";
  };
  const attach = (form, files) => {
    if (!form || !files.length) return false;
    const held = new DataTransfer();
    held.items.add(files[0]);
    form.elements.file.files = held.files;
    showFile(form);
    return true;
  };
  const sender = () => $("#compose form[data-draft], #type");
  document.addEventListener("change", (event) => {
    if (event.target.name === "file") showFile(event.target.form);
  });
  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-unattach]")?.form;
    if (form) {
      form.elements.file.value = "";
      showFile(form);
    }
  });
  document.addEventListener("paste", (event) => {
    if (attach(sender(), event.clipboardData?.files || [])) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => {
    if (sender() && event.dataTransfer.types.includes("Files")) {
      event.preventDefault();
      box()?.classList.add("dropping");
    }
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) box()?.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    box()?.classList.remove("dropping");
    if (attach(sender(), event.dataTransfer.files)) event.preventDefault();
  });
  const fillPreview = (form) => {
    const shown = $("[data-text]", form);
    shown.textContent = shown.dataset.text.replace(
      /\{\{\s*(\w+)\s*\}\}/g,
      (whole, name) => form.elements[`value_${name}`]?.value || whole,
    );
  };
  const toast = (text, tone, undo) => {
    const note = document.createElement("div");
    note.className = `notice ${tone}`;
    const words = document.createElement("div");
    words.className = "grow";
    words.textContent = text;
    note.append(words);
    if (undo) {
      const button = document.createElement("button");
      button.className = "button small";
      button.textContent = undo.label;
      button.addEventListener("click", () => {
        note.remove();
        undoChange(undo);
      });
      note.append(button);
    }
    // Only the last change is undone from here.
    if (undo) for (const older of $$("#toasts .undoable")) older.remove();
    note.classList.toggle("undoable", Boolean(undo));
    $("#toasts").append(note);
    setTimeout(() => note.remove(), undo ? 8000 : 6000);
  };
  // What is undone may no longer be open: then only lists change.
  const undoChange = ({ url, values }) => {
    const isOpen = url.includes(`/${$("#pane")?.dataset.conversation}/`);
    htmx.ajax("POST", url, {
      values,
      target: isOpen ? "#pane" : "body",
      swap: isOpen ? "outerHTML" : "none",
    });
  };
  document.addEventListener("toast", (event) =>
    toast(event.detail.text, "good", event.detail.undo),
  );
  const fault = (text) => toast(text, "bad");
  // Browsers give passkeys to names only: at a bare address they refuse without a word.
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const { passkey, nameless } = $("#toasts").dataset;
    const bare = /^[\d.]+$|:/.test(location.hostname);
    fault(
      bare ? `${nameless} ${location.origin.replace(location.hostname, "localhost")}` : passkey,
    );
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.requestConfig.verb !== "get") fault($("#toasts").dataset.offline);
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.requestConfig.verb !== "get")
      fault(`${$("#toasts").dataset.refused} ${event.detail.xhr.status}`);
    else if (event.detail.xhr.status === 403) location.reload();
  });
  // A lost session answers with the login page: go there, the draft stays.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.responseURL?.includes("/account/login")) {
      event.detail.shouldSwap = false;
      location.assign(`/account/login/?next=${encodeURIComponent(location.pathname)}`);
    }
  });

  window.addEventListener("popstate", () => {
    if ($("#inbox")) location.reload();
  });
  showThread();
  countUnread();
  markDrafts();
})();
