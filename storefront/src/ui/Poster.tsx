// A picture that is drawn from an id and is always the same for it.
import type { ReactNode } from 'react';

type Palette = readonly [ground: string, first: string, second: string, third: string];

const palettes: readonly Palette[] = [
  ['#f3c9a5', '#c2341d', '#2b1a3d', '#fff3df'],
  ['#1f3b4d', '#f2b134', '#ed553b', '#f7efe2'],
  ['#e8b4b8', '#7a1f3d', '#f6e7d7', '#d9643a'],
  ['#2f5d50', '#f4d35e', '#ee964b', '#f7f3e3'],
  ['#f4d35e', '#0d3b66', '#ee5a36', '#faf0ca'],
  ['#3a2449', '#ff8360', '#e8e288', '#7dce82'],
  ['#d7e3dc', '#23395b', '#d1495b', '#edae49'],
  ['#b23a2e', '#f6d8ae', '#2e4057', '#f4a259'],
];

/** Pseudo-random numbers from 0 to 1, seeded by the text. */
function randomFrom(text: string) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
  return () => {
    h = Math.imul(h ^ (h >>> 15), 2246822507);
    h = Math.imul(h ^ (h >>> 13), 3266489909);
    return ((h ^= h >>> 16) >>> 0) / 4294967296;
  };
}

type Motif = (p: Palette, random: () => number) => ReactNode;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const wedge = (x: number, y: number, r: number, from: number, to: number) =>
  `M${x} ${y}L${x + r * Math.cos(from)} ${y + r * Math.sin(from)}A${r} ${r} 0 0 1 ${x + r * Math.cos(to)} ${y + r * Math.sin(to)}Z`;

const sunburst: Motif = ([, a, b, c], random) => {
  const x = 80 + random() * 240;
  const rays = 11 + Math.floor(random() * 4) * 2;
  const step = Math.PI / rays;
  return (
    <>
      {range(rays).map((i) => (
        <path key={i} d={wedge(x, 300, 520, Math.PI + step * i, Math.PI + step * (i + 0.5))} fill={i % 2 ? a : c} />
      ))}
      <circle cx={x} cy="300" r="118" fill={b} />
      <circle cx={x} cy="300" r="78" fill={a} />
    </>
  );
};

const stage: Motif = ([, a, b, c], random) => {
  const x = 110 + random() * 180;
  return [210, 168, 126, 84, 42].map((r, i) => <circle key={r} cx={x} cy={290} r={r * 1.25} fill={[a, c, b, a, c][i]} />);
};

const curtain: Motif = ([, a, b, c], random) => {
  const folds = 7 + Math.floor(random() * 3);
  const w = 400 / folds;
  return (
    <>
      {range(folds).map((i) => (
        <path
          key={i}
          d={`M${i * w} 0h${w}v${190 + 40 * Math.sin((i / (folds - 1)) * Math.PI * 2 + 1)}a${w / 2} ${w / 2} 0 0 1 -${w} 0z`}
          fill={[a, b, c][i % 3]}
        />
      ))}
      <rect x="0" y="0" width="400" height="30" fill={b} />
    </>
  );
};

const tiles: Motif = ([, a, b, c], random) =>
  range(12).map((i) => {
    const x = (i % 4) * 100;
    const y = Math.floor(i / 4) * 100;
    const colour = [a, b, c][Math.floor(random() * 3)];
    const turn = Math.floor(random() * 4) * 90;
    const kind = Math.floor(random() * 4);
    return (
      <g key={i} transform={`rotate(${turn} ${x + 50} ${y + 50})`} fill={colour}>
        {kind === 0 && <path d={`M${x} ${y}h100a100 100 0 0 1 -100 100z`} />}
        {kind === 1 && <circle cx={x + 50} cy={y + 50} r="50" />}
        {kind === 2 && <path d={`M${x} ${y + 50}a50 50 0 0 1 100 0z`} />}
        {kind === 3 && <path d={`M${x} ${y}h100v100z`} />}
      </g>
    );
  });

const waves: Motif = ([, a, b, c], random) => {
  const shift = random() * 80;
  return range(5).map((i) => {
    const y = 70 + i * 52;
    const s = (i % 2 ? 40 : 0) + shift;
    return <path key={i} d={`M${-160 + s} ${y}q40 -44 80 0t80 0t80 0t80 0t80 0t80 0t80 0V320H-160z`} fill={[a, c, b, a, c][i]} />;
  });
};

const spotlights: Motif = ([, a, b, c], random) => {
  const x = 60 + random() * 120;
  return (
    <>
      <path d={`M${x} -20 L${x + 40} -20 L${x + 250} 320 L${x - 30} 320Z`} fill={c} />
      <path d={`M${x + 190} -20 L${x + 230} -20 L${x + 160} 320 L${x - 130} 320Z`} fill={a} fillOpacity="0.88" />
      <ellipse cx={x + 70} cy="286" rx="190" ry="44" fill={b} />
      <circle cx={x + 74} cy="206" r="46" fill={c} />
    </>
  );
};

const keys: Motif = ([, a, b, c], random) => {
  const lift = random() * 60;
  return range(10).map((i) => {
    const h = 90 + 150 * Math.abs(Math.sin(i * 0.7 + lift));
    return <rect key={i} x={i * 40 + 3} y={300 - h} width="34" height={h + 20} rx="17" fill={[a, b, c][i % 3]} />;
  });
};

const motifs: readonly Motif[] = [sunburst, stage, curtain, tiles, waves, spotlights, keys];

export function Poster({ seed, className }: { seed: string; className?: string }) {
  const random = randomFrom(seed);
  random();
  const palette = palettes[Math.floor(random() * palettes.length)]!;
  const motif = motifs[Math.floor(random() * motifs.length)]!;
  return (
    <svg className={className} viewBox="0 0 400 300" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">
      <rect width="400" height="300" fill={palette[0]} />
      {motif(palette, random)}
    </svg>
  );
}
