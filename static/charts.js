// Charts of the usage pages, drawn with Chart.js in the colours of the page; the table beneath says the same.
(() => {
  "use strict";
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
  const colour = (token) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const charts = [];
  const money = (currency) =>
    new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency });
  const draw = () => {
    while (charts.length) charts.pop().destroy();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
      const { kind, labels, series, currency } = data[canvas.dataset.chart];
      const sideways = kind === "bars";
      const ticks = { color: colour("--ink-2"), font: { size: 11 } };
      const days = new Intl.DateTimeFormat(document.documentElement.lang, {
        day: "numeric",
        month: "short",
        timeZone: "UTC",
      });
      charts.push(
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
    }
  };
  draw();
  document.body.addEventListener("theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
