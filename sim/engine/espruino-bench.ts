/**
 * What a Linux build of Espruino lacks of a board, written for Espruino itself and run before the bundle: pins, a NOR flash, a radio, a
 * pulse-width output. The bundle stays as it is flashed. One more serial port is the bench: lines on it move pins from outside.
 */

/** Address of the fake flash in a Linux build (gen/platform_config.h, FLASH_START), and its length. */
export const LINUX_FLASH = 0x10000000;
export const LINUX_FLASH_LENGTH = 256 * 1024;
/** Bytes at the start of the fake flash that the bench has for itself, its file header among them. */
export const BENCH_LENGTH = 8192;
/** Storage addresses of the boards, which the bench maps onto the fake flash behind itself, so that a bundle has as much room as on its board. */
const BOARD_FLASH = [442368, 0x60000000, 0x320000, 0x10100000];
/** File behind the NOR flash; 2^20 bytes. */
export const NOR_FILE = "nor.bin";
export const NOR_LENGTH = 1 << 20;
/** File to which the decoder's bytes go. */
export const SINK_FILE = "played.bin";
/** Written to standard output when the console closes; nothing may follow. */
export const CONSOLE_CLOSED = "--console closed--\r\n";

/** `paths`: the pseudo-terminals of the wires; the last is the bench. `pressed`: the button is held at power-on. */
export function benchScript(paths: readonly string[], millivolts: number, pressed: boolean): string {
  const bench = paths[paths.length - 1];
  return `
var $pins={},$watch={},$volts=${millivolts / 1000},$held=${pressed},$docked=false;
var $paths=${JSON.stringify(paths.slice(0, -1))};
[Serial1,Serial2,Serial3].forEach(function(port,i){var setup=port.setup;port.setup=function(baud){if($paths[i])setup.call(port,baud,{path:$paths[i]});};});
Serial3.setup(115200);
var $out=USB,USB=Serial3,$sink=0;
Serial6.setup(115200,{path:${JSON.stringify(bench)}});
var $line="";
Serial6.on("data",function(d){$line+=d;var i;while((i=$line.indexOf("\\n"))>=0){var l=$line.substr(0,i);$line=$line.substr(i+1);
if(l[0]=="V")$volts=parseInt(l.substr(1))/1000;else if(l[0]=="C"){$docked=l[1]=="1";var c=$watch.both;if(c)c({state:$docked});}else{var n=l=="F"?"falling":l=="T"?"rising":"button";var w=$watch[n];if(w)w();}}});
var setWatch=function(f,pin,o){$watch[o.edge=="both"?"both":o.debounce?"button":o.edge]=f;return 1;};
var digitalWrite=function(pin,v){$pins[pin]=v;};
var digitalRead=function(pin){if(pin=="B8")return 1;if(pin=="A8"||pin=="D11"||pin=="B10"||pin=="D16")return $docked?1:0;return $held?(pin=="D17"||pin=="D0"||pin=="C13"||pin=="D5"?1:0):0;};
var analogRead=function(){return $volts/2/3.3;};
var analogWrite=function(){};
var setDeepSleep=function(){};
var NRF={sleep:function(){Serial6.write("NRF.sleep;");}};
E.getAnalogVRef=function(){return 3.3;};
E.hwRand=function(){var f=E.openFile("/dev/urandom","r"),s=f.read(4);f.close();return s.charCodeAt(0)|s.charCodeAt(1)<<8|s.charCodeAt(2)<<16|s.charCodeAt(3)<<24;};
E.connectSDCard=function(){};
var $console=E.setConsole,$closed=false;
E.setConsole=function(d,o){$console.call(E,d===null?null:"USB",o);if(d===null&&!$closed){$closed=true;$out.write(${JSON.stringify(CONSOLE_CLOSED)});}};
var $require=require,$flash=require("Flash");
function $at(a){${BOARD_FLASH.map((base) => `if(a>=${base}&&a<${base + LINUX_FLASH_LENGTH - BENCH_LENGTH})return a-${base}+${LINUX_FLASH + BENCH_LENGTH};`).join("")}return a;}
function $base(a){return a-($at(a)-${LINUX_FLASH});}
var $shim={read:function(n,a){return $flash.read(n,$at(a));},write:function(d,a){$flash.write(d,$at(a));},erasePage:function(a){$flash.erasePage($at(a));},
getPage:function(a){var p=$flash.getPage($at(a));return{addr:p.addr-${LINUX_FLASH}+$base(a),length:p.length};}};
var require=function(n){return n=="Flash"?$shim:$require(n);};
var $nor=0;
SPI1.setup=SPI2.setup=SPI3.setup=function(){};
SPI3.send=function(d){if(!$sink)$sink=E.openFile(${JSON.stringify(SINK_FILE)},"a");$sink.write(d);return d;};
SPI1.send=function(d,cs){var c=d[0].length?d[0]:d,a=c[1]<<16|c[2]<<8|c[3],r,f,i,o;
if(c[0]==159)return new Uint8Array([0,239,64,20]);
if(c[0]==5)return new Uint8Array([0,0]);
if(!$nor)$nor=E.openFile(${JSON.stringify(NOR_FILE)},"r+");
if(c[0]==3){$nor.seek(a);r=new Uint8Array(4+d[1].count);r.set(E.toUint8Array($nor.read(d[1].count)),4);return r;}
if(c[0]==2){$nor.seek(a);o=E.toUint8Array($nor.read(d[1].length));for(i=0;i<o.length;i++)o[i]&=d[1][i];$nor.seek(a);$nor.write(o);}
if(c[0]==32){$nor.seek(a&-4096);$nor.write(new Uint8Array(4096).fill(255));}
return new Uint8Array(4);};
var Waveform=function(n){this.buffer=new Uint8Array(n);this.buffer2=new Uint8Array(n);};
Waveform.prototype.on=function(e,f){this.f=f;};
Waveform.prototype.startOutput=function(p,rate){var w=this,b=w.buffer;w.t=setInterval(function(){var d=b;b=b===w.buffer?w.buffer2:w.buffer;w.f(d);},w.buffer.length*1000/rate);};
Waveform.prototype.stop=function(){clearInterval(this.t);};
`;
}
