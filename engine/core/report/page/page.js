'use strict';
// Draws the charts of a report from the data block of its page. Texts of the data reach the page as textContent or on
// a canvas, never as markup.
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const marks = {app: [[], 'circle'], kernel: [[8, 4], 'rect'], tc: [[2, 3], 'triangle'], nic: [[10, 3, 2, 3], 'star']};
  const narrow = matchMedia('(max-width: 600px)').matches;
  const units = [['ns', 1], ['\u00b5s', 1e3], ['ms', 1e6], ['s', 1e9]];
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  function translucent(hex, alpha) {
    return hex + Math.round(alpha * 255).toString(16).padStart(2, '0');
  }

  /** Three significant digits and a unit: 45.2 µs. */
  function duration(ns) {
    const size = Math.abs(ns);
    const [name, per] = [...units].reverse().find(([, each]) => size >= each) || units[0];
    return `${Number((ns / per).toPrecision(3))} ${name}`;
  }

  function quantileName(oneIn) {
    if (oneIn <= 1) return 'min';
    return `p${Number((100 * (1 - 1 / oneIn)).toPrecision(12))}`;
  }

  /** 1, 2 and 5 times a power of ten have a label where they are few, else only the powers. */
  function logTick(value, decades) {
    const first = Number(value.toExponential()[0]);
    const exact = Math.abs(value - first * 10 ** Math.floor(Math.log10(value) + 1e-9)) < value * 1e-9;
    const wanted = decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 3, 5, 7];
    return exact && wanted.includes(first) ? duration(value) : null;
  }

  function latencyAxis(title) {
    return {
      type: 'logarithmic',
      title: {display: !narrow, text: title, color: colour('muted')},
      grid: {color: colour('grid')},
      border: {display: false},
      ticks: {
        color: colour('muted'), autoSkip: false, maxRotation: 0,
        callback(value) { return logTick(value, Math.log10(this.max / this.min)); },
      },
    };
  }

  /** The legend shows a line as it is drawn, dashes included. */
  function legend(chart) {
    return Chart.defaults.plugins.legend.labels.generateLabels(chart).map((item) => {
      const set = chart.data.datasets[item.datasetIndex];
      if (set.type === 'scatter' || set.showLine === false) return item;
      return {...item, pointStyle: 'line', lineDash: set.borderDash, lineWidth: 2, strokeStyle: set.borderColor};
    });
  }

  function options(extra) {
    const ink = colour('ink');
    return {
      animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: true,
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      ...extra,
      plugins: {
        legend: {
          position: 'top', align: 'start',
          labels: {
            color: ink, usePointStyle: true, pointStyleWidth: 30, generateLabels: legend,
            filter: (item) => !item.text.startsWith('_'),
          },
        },
        ...extra.plugins,
      },
    };
  }

  function line(label, points, view, dash) {
    const ink = colour(view.name) || colour('other');
    const [pattern, pointStyle] = marks[view.name] || [[], 'circle'];
    return {
      type: 'line', label, data: points, borderColor: ink, backgroundColor: ink, borderWidth: 2,
      borderDash: dash || pattern, pointStyle, pointRadius: 0, pointHoverRadius: 5,
    };
  }

  function draw(figure, config) {
    const holder = figure.querySelector('.canvas');
    const before = holder.firstChild && Chart.getChart(holder.firstChild);
    if (before) before.destroy();
    holder.replaceChildren();
    const canvas = document.createElement('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', figure.querySelector('h3').textContent);
    holder.append(canvas);
    figure.classList.add('drawn');
    new Chart(canvas, config);
  }

  /** Every run's views, or of several runs the chosen view of each. */
  function lines(view, make) {
    const several = data.runs.length > 1;
    return data.runs.flatMap((run, index) => run.views.filter((each) => !several || each.name === view).map((each) => {
      const name = several ? run.name : each.label;
      const set = line(name, make(each), several && index === 0 ? {name: 'other'} : each, several ? [[6, 4], []][index] : null);
      return set;
    }));
  }

  function percentiles(figure, view) {
    const sets = lines(view, (each) => each.curve.filter(([, ns]) => ns > 0).map(([x, y]) => ({x, y})));
    const most = Math.max(...sets.map((set) => set.data.length ? set.data[set.data.length - 1].x : 1));
    draw(figure, {
      data: {datasets: sets},
      options: options({
        scales: {
          x: {
            type: 'logarithmic', min: 1, max: most, grid: {color: colour('grid')},
            afterBuildTicks(axis) {
              axis.ticks = (narrow ? [2] : [1, 2]).map((value) => ({value}));
              for (let value = 10; value <= most * 1.0001; value *= 10) axis.ticks.push({value});
            },
            ticks: {color: colour('muted'), autoSkip: false, maxRotation: 0, callback: quantileName},
          },
          y: latencyAxis('round trip'),
        },
        plugins: {
          tooltip: {
            callbacks: {
              title: (items) => items.length ? percentileTitle(items[0].parsed.x) : '',
              label: (item) => `${item.dataset.label} ${duration(item.parsed.y)}`,
            },
          },
        },
      }),
    });
  }

  function percentileTitle(oneIn) {
    const digits = Math.max(1, Math.ceil(Math.log10(oneIn)));
    return oneIn <= 1 ? 'minimum' : `p${Number((100 * (1 - 1 / oneIn)).toFixed(digits))}`;
  }

  function histogram(figure, view) {
    const sets = lines(view, (each) => {
      const total = each.bars.reduce((sum, [, , count]) => sum + count, 0);
      const points = [];
      for (const [low, high, count] of each.bars) {
        if (low < 1) continue;
        points.push({x: low, y: 100 * count / total, high, count});
        points.push({x: high + 1, y: 100 * count / total, high, count, low});
      }
      return points;
    });
    for (const set of sets) {
      set.fill = 'origin';
      set.backgroundColor = translucent(set.borderColor, .12);
      set.borderWidth = 1.5;
    }
    draw(figure, {
      data: {datasets: sets},
      options: options({
        scales: {
          x: latencyAxis('round trip'),
          y: {
            beginAtZero: true, grid: {color: colour('grid')}, title: {display: !narrow, text: 'share of answers', color: colour('muted')},
            ticks: {color: colour('muted'), callback: (value) => `${value} %`, maxTicksLimit: 6},
          },
        },
        plugins: {
          tooltip: {
            callbacks: {
              title: (items) => {
                if (!items.length) return '';
                const raw = items[0].raw;
                return `${duration(raw.low || raw.x)} to ${duration(raw.high)}`;
              },
              label: (item) => `${item.dataset.label} ${item.raw.count} (${Number(item.parsed.y.toPrecision(3))} %)`,
            },
          },
        },
      }),
    });
  }

  function seriesSets(run, viewName, prefix, dash, ink) {
    const series = run.series;
    const view = run.views.find((each) => each.name === viewName);
    const strokes = series.views[viewName];
    if (!view || !strokes) return [];
    const at = (values) => values.map((y, i) => ({x: series.t_ns[i] / 1e9, y, i})).filter(({y}) => y === null || y > 0);
    const median = line(prefix || view.label, at(strokes.p50), ink ? {name: ink} : view, dash);
    const single = series.source === 'rows' && series.probes_per_column === 1;
    median.run = run;
    if (single) return [{...median, showLine: false, borderDash: [], pointRadius: 1.5, label: median.label}];
    const edge = {...median, borderWidth: 0, pointHoverRadius: 0, pointRadius: 0};
    const low = {...edge, label: '_minimum', data: at(strokes.min)};
    const high = {...edge, label: '_maximum', data: at(strokes.max), fill: '-1', backgroundColor: translucent(median.borderColor, .18)};
    return [low, high, median];
  }

  function lossSet(runs, top) {
    const points = runs.flatMap((run) => run.series.lost.map((lost, i) => ({x: run.series.t_ns[i] / 1e9, y: top, lost, i, run}))
      .filter(({lost}) => lost > 0));
    return {
      type: 'scatter', label: 'lost', data: points, pointStyle: 'crossRot', pointRadius: 5, pointHoverRadius: 7,
      borderColor: colour('bad'), backgroundColor: colour('bad'), borderWidth: 2,
    };
  }

  function seriesLabel(item) {
    const {run} = item.dataset;
    if (!run) return `lost ${item.raw.lost} of ${item.raw.run.series.sent[item.raw.i]}`;
    if (item.dataset.label.startsWith('_')) return null;
    const strokes = run.series.views[chosen];
    const i = item.raw.i;
    const [min, max] = [strokes.min[i], strokes.max[i]];
    const range = min === max ? '' : ` (${duration(min)} to ${duration(max)})`;
    return `${item.dataset.label} ${duration(item.parsed.y)}${range}`;
  }

  let chosen = '';

  function overTime(figure, view) {
    chosen = view;
    const several = data.runs.length > 1;
    const sets = data.runs.flatMap((run, index) =>
      seriesSets(run, view, several ? run.name : '', several ? [[6, 4], []][index] : [], several && index === 0 ? 'other' : ''));
    const values = sets.flatMap((set) => set.data.map(({y}) => y)).filter((y) => y !== null);
    const last = Math.max(...data.runs.map((run) => run.series.t_ns[run.series.t_ns.length - 1] || 0)) || 1e9;
    const top = values.reduce((most, y) => Math.max(most, y), 1) * 1.6;
    const loss = lossSet(data.runs, top);
    if (loss.data.length) sets.push(loss);
    draw(figure, {
      data: {datasets: sets},
      options: options({
        scales: {
          x: {
            type: 'linear', min: 0, max: last / 1e9, grid: {color: colour('grid')}, title: {display: true, text: 'seconds since the start', color: colour('muted')},
            ticks: {color: colour('muted'), maxRotation: 0},
          },
          y: {...latencyAxis('round trip'), max: loss.data.length ? top * 1.2 : undefined},
        },
        plugins: {
          tooltip: {
            filter: (item) => !item.dataset.label.startsWith('_'),
            callbacks: {
              title: (items) => items.length ? `${Number(items[0].parsed.x.toPrecision(5))} s` : '',
              label: seriesLabel,
            },
          },
        },
      }),
    });
  }

  /** Buttons that choose the view of a chart. */
  function offerViews(figure, render) {
    const holder = figure.querySelector('.choice');
    const views = [...new Map(data.runs.flatMap((run) => run.views).map((view) => [view.name, view])).values()];
    const show = (name) => {
      for (const button of holder.children) button.setAttribute('aria-pressed', String(button.value === name));
      render(figure, name);
    };
    if (!holder.children.length && views.length > 1) {
      for (const view of views) {
        const button = document.createElement('button');
        button.type = 'button';
        button.value = view.name;
        button.textContent = view.label;
        button.addEventListener('click', () => show(view.name));
        holder.append(button);
      }
    }
    const pressed = [...holder.children].find((button) => button.getAttribute('aria-pressed') === 'true');
    if (views.length) show(pressed ? pressed.value : views[0].name);
  }

  function drawAll() {
    const several = data.runs.length > 1;
    for (const [id, render] of [['percentiles', percentiles], ['over-time', overTime], ['histogram', histogram]]) {
      const figure = document.getElementById(id);
      if (!figure) continue;
      if (several || id === 'over-time') {
        offerViews(figure, render);
      } else if (data.runs.length && data.runs[0].views.length) {
        render(figure, '');
      }
    }
  }

  if (typeof Chart === 'undefined') return;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 13;
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  document.documentElement.dataset.drawn = String(document.querySelectorAll('.chart.drawn').length);
})();
