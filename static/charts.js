// Charts of the usage pages, drawn with Chart.js in the colours of the page; the table beneath says the same.
// Chart.js is most of such a page's weight: it is loaded when the first chart comes into sight.
(() => {
  "use strict";
  const { library } = document.currentScript.dataset;
  const data = JSON.parse(document.getElementById("chart-data")?.textContent || "{}");
  const tokens = {
    marketing: "--violet",
    utility: "--blue",
    authentication: "--amber",
    service: "--accent",
    accent: "--accent",
    failed: "--red",
    delivered: "--green",
  };
  // A custom property holds light-dark() as text; only a used colour has been resolved.
  const probe = document.createElement("i");
  document.body.append(probe);
  // Where movement is reduced, a transition of no length would leave the old colour until the next frame.
  probe.style.setProperty("transition", "none", "important");
  const colour = (token) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  // Canvas -> its chart.
  const charts = new Map();
  let loading;
  const load = () =>
    (loading ??= new Promise((loaded, failed) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = loaded;
      script.onerror = failed;
      document.head.append(script);
    }));
  const money = (currency) =>
    new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency });
  const draw = (canvas) => {
    charts.get(canvas)?.destroy();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { kind, labels, series, currency } = data[canvas.dataset.chart];
    const sideways = kind === "bars";
    const ticks = { color: colour("--ink-2"), font: { size: 11 } };
    const days = new Intl.DateTimeFormat(document.documentElement.lang, {
      day: "numeric",
      month: "short",
      timeZone: "UTC",
    });
    charts.set(
      canvas,
      new Chart(canvas, {
        type: "bar",
        data: {
          labels: sideways ? labels : labels.map((day) => days.format(new Date(`${day}T00:00Z`))),
          datasets: series.map(({ name, colour: token, values }) => ({
            label: name,
            data: values,
            backgroundColor: colour(tokens[token]),
            borderRadius: 3,
            maxBarThickness: 26,
          })),
        },
        options: {
          indexAxis: sideways ? "y" : "x",
          responsive: true,
          maintainAspectRatio: false,
          animation: calm ? false : { duration: 350 },
          interaction: { mode: "index", axis: sideways ? "y" : "x", intersect: false },
          plugins: {
            legend: {
              display: series.length > 1,
              position: "bottom",
              labels: {
                color: colour("--ink-2"),
                boxWidth: 10,
                boxHeight: 10,
                usePointStyle: true,
              },
            },
            tooltip: {
              callbacks: currency ? { label: (item) => money(currency).format(item.raw) } : {},
            },
          },
          scales: {
            x: {
              stacked: !sideways,
              grid: { display: sideways, color: colour("--line") },
              border: { display: false },
              ticks:
                sideways && currency
                  ? {
                      ...ticks,
                      maxTicksLimit: 6,
                      callback: (value) => money(currency).format(value),
                    }
                  : { ...ticks, maxRotation: 0, autoSkipPadding: 12 },
            },
            y: {
              stacked: !sideways,
              beginAtZero: true,
              grid: { display: !sideways, color: colour("--line") },
              border: { display: false },
              ticks: sideways ? ticks : { ...ticks, precision: 0, maxTicksLimit: 6 },
            },
          },
        },
      }),
    );
  };
  const redraw = () => charts.forEach((_chart, canvas) => draw(canvas));
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        load().then(() => draw(target));
      }
    },
    { rootMargin: "100px" },
  );
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) seen.observe(canvas);
  document.body.addEventListener("theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
