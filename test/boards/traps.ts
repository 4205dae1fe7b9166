/** Programs that an engine without hoisting, or a minifier that reuses names, gets wrong. Each is an expression whose text is `result`. */
export interface Trap {
  name: string;
  code: string;
  result: string;
  /** Wrong on Espruino as written, so the proof refuses it. */
  unsafe: boolean;
  /** Cannot be made right; the build refuses it. */
  refused?: boolean;
}

export const TRAPS: readonly Trap[] = [
  {
    name: "a variable declared in a branch not taken, beside an outer one of that name",
    code: "(function(){var o=5;return (function(){if(0){var o=1}return o})()})();",
    result: "undefined",
    unsafe: true,
  },
  {
    name: "an assignment before the declaration of that name",
    code: "(function(){var o=5;(function(){o=9;var o})();return o})();",
    result: "5",
    unsafe: true,
  },
  {
    name: "a name reused in a nested function",
    code: "(function(){function add(a,b){return a+b}function twice(a){return (function(a){return add(a,a)})(a+1)}return twice(3)})();",
    result: "8",
    unsafe: false,
  },
  {
    name: "a function called before its declaration",
    code: "(function(){var r=late(3);function late(x){return x*2}return r})();",
    result: "6",
    unsafe: true,
  },
  {
    name: "functions that call each other",
    code: "(function(){function even(n){return n===0||odd(n-1)}function odd(n){return n!==0&&even(n-1)}return even(10)})();",
    result: "true",
    unsafe: false,
  },
  {
    name: "a function declared after the return",
    code: "(function(){return g();function g(){return 4}})();",
    result: "4",
    unsafe: true,
  },
  {
    name: "a loop variable declared in a loop that may not run",
    code: "(function(){var n=0;while(n>0){var k=1;n--}k=n;return k})();",
    result: "0",
    unsafe: true,
  },
  {
    name: "a variable of for-in, used after an empty object",
    code: "(function(){for(var k in {}){}return typeof k})();",
    result: "undefined",
    unsafe: true,
  },
  {
    name: "a closure over a variable that is declared later",
    code: "(function(){var f=function(){return late};var late=7;return f()})();",
    result: "7",
    unsafe: true,
  },
  {
    name: "a caught error with the name of an outer variable",
    code: "(function(){var e=3;return (function(){try{throw 1}catch(e){return e}})()+e})();",
    result: "4",
    unsafe: false,
  },
  {
    name: "declarations in a switch",
    code: "(function(x){switch(x){case 1:var a=10;break;case 2:a=20}return a})(2);",
    result: "20",
    unsafe: true,
  },
  {
    name: "a label",
    code: "(function(){outer:for(;;){for(;;){break outer}}return 1})();",
    result: "1",
    unsafe: true,
    refused: true,
  },
];
