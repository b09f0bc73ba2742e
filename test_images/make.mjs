/**
 * Makes the pictures of this folder: `node test_images/make.mjs [FOLDER]`.
 *
 * The pictures are painted, not photographed, so that anybody may copy them, and they are the same on every run
 * (same seed, same version of sharp). They must behave like photographs, though: smooth skies, rough ground and
 * sensor grain, because a flat or a random picture would compress unlike any real one.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { makeNoise, makeRandom, mix, mixColour, smoothstep } from './paint.mjs';

/** Colours are [red, green, blue], 0 to 255; `sun` is a position in the picture, 0 to 1. */
const DAWN = {
  zenith: [92, 122, 176],
  horizon: [247, 205, 178],
  cloud: [255, 236, 226],
  far: [176, 172, 196],
  near: [52, 58, 74],
  sunlight: [255, 226, 178],
  water: [112, 128, 158],
  sun: [0.28, 0.44],
};
const NOON = {
  zenith: [54, 112, 190],
  horizon: [196, 220, 238],
  cloud: [252, 252, 250],
  far: [142, 168, 190],
  near: [46, 72, 44],
  sunlight: [255, 250, 226],
  water: [58, 98, 124],
  sun: [0.74, 0.14],
};
const DUSK = {
  zenith: [58, 52, 104],
  horizon: [250, 150, 86],
  cloud: [250, 178, 140],
  far: [158, 104, 118],
  near: [34, 28, 40],
  sunlight: [255, 208, 120],
  water: [104, 72, 92],
  sun: [0.62, 0.47],
};
const AUTUMN = {
  zenith: [86, 136, 190],
  horizon: [236, 226, 206],
  cloud: [250, 246, 238],
  far: [164, 172, 186],
  near: [74, 68, 34],
  sunlight: [255, 238, 190],
  water: [84, 106, 118],
  sun: [0.36, 0.2],
};

/** Sizes are chosen for the bytes that they come to: about 100 KB, 1 MB, 5 MB and 400 KB. */
const PICTURES = [
  { file: 'small.png', width: 252, height: 189, seed: 11, palette: DAWN, grain: 2, encode: png },
  { file: 'medium.jpg', width: 2400, height: 1600, seed: 23, palette: NOON, grain: 3, encode: jpeg(94) },
  { file: 'large.png', width: 1952, height: 1464, seed: 37, palette: DUSK, grain: 2, encode: png },
  { file: 'cover.jpg', width: 1600, height: 1200, seed: 53, palette: AUTUMN, grain: 2.5, encode: jpeg(91) },
];

const RIDGES = 5;
const SHORE = 0.78;

function png(image) {
  return image.png({ compressionLevel: 9 });
}

function jpeg(quality) {
  return (image) => image.jpeg({ quality });
}

/** Mountain lines from the far to the near, each a list of heights (0 top, 1 bottom) by column. */
function makeRidges(picture, noise) {
  const { width, height } = picture;
  return Array.from({ length: RIDGES }, (_, index) => {
    const depth = index / (RIDGES - 1);
    const base = mix(0.44, 0.72, depth);
    const swing = mix(0.2, 0.13, depth);
    const scale = mix(2.2, 3.4, depth) / (width / height);
    return Float64Array.from({ length: width }, (_unused, x) => {
      const rise = noise((x / height) * scale * (width / height) + index * 37.7, index * 11.3, 7);
      return base + swing * (0.5 - rise) * 2;
    });
  });
}

/** Pine trees along the shore: each is a set of rows [from, to) that it covers, drawn into a mask. */
function makeTrees({ width, height }, random) {
  const mask = new Float32Array(width * height);
  const count = Math.round((width / height) * 46);
  for (let tree = 0; tree < count; tree++) {
    const tall = height * mix(0.05, 0.17, random() ** 2);
    const centre = random() * width;
    const foot = height * mix(SHORE - 0.015, SHORE + 0.012, random());
    drawTree(mask, { width, height, tall, centre, foot, tone: mix(0.55, 1, random()) }, random);
  }
  return mask;
}

function drawTree(mask, { width, height, tall, centre, foot, tone }, random) {
  const tiers = mix(6, 10, random());
  for (let y = Math.max(0, Math.floor(foot - tall)); y < Math.min(height, foot); y++) {
    const down = (y - (foot - tall)) / tall;
    // Branches widen from tier to tier and hang ragged, which is what makes a triangle a tree.
    const half = tall * 0.19 * down * (0.62 + 0.38 * ((down * tiers) % 1)) * mix(0.85, 1.1, random());
    const from = Math.max(0, Math.floor(centre - half));
    const to = Math.min(width, Math.ceil(centre + half));
    for (let x = from; x < to; x++) mask[y * width + x] = tone;
  }
}

function skyColour(u, v, palette, noise, ratio) {
  const colour = mixColour(palette.zenith, palette.horizon, smoothstep(0, 0.62, v));
  const [sunX, sunY] = palette.sun;
  const away = Math.hypot((u - sunX) * ratio, v - sunY);
  const glow = 0.75 * Math.exp(-away * 4.2) + smoothstep(0.036, 0.03, away);
  const lit = mixColour(colour, palette.sunlight, Math.min(1, glow));
  // Clouds are stretched sideways and thin out towards the top, as they look from the ground.
  const cover = noise(u * ratio * 2.4 + 90, v * 7.5 + 40, 6);
  const veil = smoothstep(0.5, 0.78, cover) * smoothstep(0, 0.16, v) * 0.85;
  const shade = mix(0.82, 1.04, noise(u * ratio * 5 + 7, v * 12 + 3, 4));
  return mixColour(lit, scale(palette.cloud, shade), veil);
}

function scale(colour, factor) {
  return colour.map((channel) => channel * factor);
}

function groundColour(x, y, ridge, palette, noise, size) {
  const depth = ridge / (RIDGES - 1);
  const base = mixColour(palette.far, palette.near, depth ** 1.15);
  const reach = mix(9, 26, depth);
  const here = noise((x / size) * reach + ridge * 19, (y / size) * reach * 1.7, 5);
  const beside = noise((x / size) * reach + ridge * 19 + 0.06, (y / size) * reach * 1.7 - 0.05, 5);
  // A slope towards the light is brighter: the difference of two near samples is the slope.
  const light = 1 + (here - beside) * mix(2.4, 5.2, depth) + (here - 0.5) * mix(0.16, 0.62, depth);
  return mixColour(scale(base, light), palette.sunlight, 0.05 + 0.08 * Math.max(0, light - 1));
}

/** What stands above the water line at a pixel. */
function landColour(x, y, scene) {
  const { width, height, palette, noise, ridges, trees } = scene;
  const v = y / height;
  const tree = trees[Math.min(height - 1, Math.max(0, Math.floor(y))) * width + x];
  for (let ridge = RIDGES - 1; ridge >= 0; ridge--) {
    const top = ridges[ridge][x];
    if (v < top) continue;
    const ground = groundColour(x, y, ridge, palette, noise, height);
    // Mist gathers at the foot of every ridge and parts it from the next.
    const mist = smoothstep(0.02, 0.2, v - top) * mix(0.42, 0.05, ridge / (RIDGES - 1));
    const misty = mixColour(ground, palette.horizon, mist);
    return tree > 0 ? treeColour(x, y, tree, scene) : misty;
  }
  return tree > 0 ? treeColour(x, y, tree, scene) : skyColour(x / width, v, palette, noise, width / height);
}

function treeColour(x, y, tone, { palette, noise, height }) {
  const leaf = noise((x / height) * 110, (y / height) * 110, 3);
  return mixColour(scale(palette.near, 0.5 * tone + leaf * 0.55), palette.sunlight, 0.04 * leaf);
}

/** The lake mirrors the land, shaken by ripples that grow towards the viewer. */
function waterColour(x, y, scene) {
  const { width, height, palette, noise } = scene;
  const shore = SHORE * height;
  const near = (y - shore) / (height - shore);
  const ripple = noise((x / height) * 7, near ** 0.6 * 42, 4) - 0.5;
  const mirroredY = Math.max(0, shore - (y - shore) * 1.75 + ripple * height * mix(0.012, 0.09, near));
  const mirroredX = Math.round(Math.min(width - 1, Math.max(0, x + ripple * height * 0.02)));
  const mirrored = landColour(mirroredX, Math.min(mirroredY, shore - 1), scene);
  const glitter = smoothstep(0.16, 0.34, ripple) * 0.3;
  return mixColour(mixColour(mirrored, palette.water, mix(0.3, 0.62, near)), palette.sunlight, glitter);
}

/** Raw RGB bytes of one picture. */
function paint(picture) {
  const { width, height, seed, palette, grain } = picture;
  const random = makeRandom(seed);
  const noise = makeNoise(random);
  const scene = {
    width,
    height,
    palette,
    noise,
    ridges: makeRidges(picture, noise),
    trees: makeTrees(picture, random),
  };
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = y >= SHORE * height ? waterColour(x, y, scene) : landColour(x, y, scene);
      const vignette = 1 - 0.22 * ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 2;
      // A sensor's grain: mostly common to all channels (brightness), a little of each its own.
      const speck = (random() + random() + random() - 1.5) * 2 * grain;
      for (let channel = 0; channel < 3; channel++) {
        const value = colour[channel] * vignette + speck + (random() - 0.5) * grain;
        pixels[(y * width + x) * 3 + channel] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  }
  return pixels;
}

const folder = process.argv[2] ?? dirname(fileURLToPath(import.meta.url));
mkdirSync(folder, { recursive: true });
for (const picture of PICTURES) {
  const { file, width, height, encode } = picture;
  const path = join(folder, file);
  await encode(sharp(paint(picture), { raw: { width, height, channels: 3 } })).toFile(path);
  console.log(`${file}: ${width} x ${height}, ${statSync(path).size} bytes`);
}
