import {expect, it} from 'vitest';
import {scriptOf} from '../../../src/data/texts/card.ts';

it.each([
  ['Where is my order?', 'Latin'],
  ['Wo ist meine Bestellung? Größe XÄ', 'Latin'],
  ['Где мой заказ? iPhone', 'Cyrillic'],
  ['我的订单在哪里？', 'Han'],
  ['注文はどこですか', 'Japanese'],
  ['내 주문은 어디에 있나요?', 'Hangul'],
  ['أين طلبي؟', 'Arabic'],
  ['मेरा ऑर्डर कहाँ है?', 'Devanagari'],
  ['ᚠᚢᚦᚨᚱᚲ', 'other'],
  ['12345 !?', 'none'],
  ['', 'none'],
  ['A'.repeat(500) + 'Где'.repeat(500), 'Latin'],
])('finds the script of %s: %s', (text, script) => {
  expect(scriptOf(text)).toBe(script);
});
