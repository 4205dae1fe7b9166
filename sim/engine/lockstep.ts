/**
 * What runs in a real interpreter before the bundle, so that the bundle finds the simulated board's hardware: each use of it is a message to the
 * simulator and waits for the answer. Cryptography, typed arrays, memory and the language stay the interpreter's own. After the bundle's start the
 * program serves the simulator's calls (a timer, received bytes, an edge on a pin), one at a time.
 *
 * `$get(n)` answers n bytes as a binary string, "" at the end; `$put(data)` writes a string or bytes; `$bytes(text)` makes a Uint8Array.
 */
import { FROM_BOARD, TO_BOARD } from "./channel.js";

const MESSAGES = `
var $t={},$w={},$d={},$key=0,$inside=0;
function $read(){var h=$get(4),n=0,m=0;if(!h)$quit();n=h.charCodeAt(0)|h.charCodeAt(1)<<8;m=h.charCodeAt(2)|h.charCodeAt(3)<<8;return[JSON.parse($get(n)),m?$get(m):""];}
function $send(j,b){var s=JSON.stringify(j),n=s.length,m=b?b.length:0;$put($bytes(String.fromCharCode(n&255,n>>8,m&255,m>>8)));$put(s);if(m)$put(b);}
function $call(n,a,b){var r=0,k="";$send([n,a],b);r=$read();k=r[0][0];if(k=="x")throw new Error(r[0][1]);if(k=="b")return r[1]?$bytes(r[1]):new Uint8Array(0);
if(k=="s")return r[1];if(k=="f")return new Float64Array($bytes(r[1]).buffer)[0];return r[0][1];}
function $held(){var i=0;if($key)for(i=0;i<$key.length;i++)if($key[i])return 1;return 0;}
function $event(m,b){var f=0,k=m[0],n=m[1];if(k=="t"){f=$t[n];if(!m[2])delete $t[n];if(f)f();}else if(k=="w"){f=$w[n];if(f)f({state:m[2]});}else if(k=="d"){f=$d[n];if(f)f(b);}else if(k=="m")$send(["m",process.memory().usage]);else if(k=="i")$send(["i",$inside()]);}
function $serve(){var r=0,e=0;for(;;){r=$read();e=0;try{$event(r[0],r[1]);}catch(x){e=""+(x&&x.message||x);}if(e)$send(["error",e,$held()]);else $send(["done",$held()]);}}
function $loop(){$send(["done",$held()]);$serve();}
`;

const TIMERS = `
function $timer(n,f,ms){var id=$call(n,[ms]);$t[id]=f;return id;}
function $watch(f,pin,o){var id=$call("setWatch",[""+pin,o]);$w[id]=f;return id;}
`;

/** For Espruino: pipes as files, and every global of a board's hardware. */
export const ESPRUINO_LOCKSTEP = `
var $in=E.openFile(${JSON.stringify(TO_BOARD)},"r"),$out=E.openFile(${JSON.stringify(FROM_BOARD)},"w"),$later=setTimeout,$require=require,$address=E.getAddressOf,$console=E.setConsole;
function $get(n){return $in.read(n);}
function $put(d){$out.write(d);}
function $bytes(s){return E.toUint8Array(s);}
function $quit(){quit();}
${MESSAGES}${TIMERS}
function $port(n){return{setup:function(b){$call(n+".setup",[b]);},write:function(d){$call(n+".write",[],E.toUint8Array(d));},
on:function(e,f){if(e=="data"){$d[n]=f;$call(n+".on",[e]);}},removeAllListeners:function(){delete $d[n];$call(n+".removeAllListeners",["data"]);}};}
function $spi(n){return{setup:function(o){$call(n+".setup",[{baud:o&&o.baud}]);},write:function(d){$call(n+".write",[],E.toUint8Array(d));},
send:function(d,cs){var r=$call(n+".send",cs===undefined?[]:[""+cs],E.toUint8Array(d));return typeof d=="number"?r[0]:r;}};}
function $file(h){return{write:function(d){return $call("file.write",[h],E.toUint8Array(d));},read:function(n){return $call("file.read",[h,n]);},
seek:function(n){$call("file.seek",[h,n]);},close:function(){$call("file.close",[h]);}};}
var Serial1=$port("Serial1"),Serial2=$port("Serial2"),Serial3=$port("Serial3"),Serial6=$port("Serial6"),USB=$port("USB"),Bluetooth=$port("Bluetooth");
var SPI1=$spi("SPI1"),SPI2=$spi("SPI2"),SPI3=$spi("SPI3");
var setTimeout=function(f,ms){return $timer("setTimeout",f,ms);},setInterval=function(f,ms){return $timer("setInterval",f,ms);};
var clearTimeout=function(id){$call("clearTimeout",[id]);delete $t[id];},clearInterval=clearTimeout;
var getTime=function(){return $call("getTime",[]);},setDeepSleep=function(on){$call("setDeepSleep",[on]);};
var setWatch=$watch,clearWatch=function(id){$call("clearWatch",[id]);delete $w[id];};
var digitalWrite=function(p,v){$call("digitalWrite",[""+p,v]);},digitalRead=function(p){return $call("digitalRead",[""+p]);},analogRead=function(p){return $call("analogRead",[""+p]);},analogWrite=function(){};
var NRF={sleep:function(){}};
E.hwRand=function(){return $call("E.hwRand",[]);};
E.getAnalogVRef=function(){return $call("E.getAnalogVRef",[]);};
E.connectSDCard=function(s,p){$call("E.connectSDCard",[0,""+p]);};
E.openFile=function(n,m){return $file($call("E.openFile",[n,m]));};
E.getAddressOf=function(v,f){var a=$address.call(E,v,f);if(a&&!$key)$key=v;return a;};
E.reboot=function(){$call("E.reboot",[]);};
E.on("errorFlag",function(f){if(f.indexOf("MEMORY")>=0){$send(["error","OUT OF MEMORY",$held()]);$later($serve,0);}});
E.setConsole=function(d,o){$console.call(E,d===null?null:"USB",o);$call("E.setConsole",[d]);};
var $flash={read:function(n,a){return $call("Flash.read",[n,a]);},write:function(d,a){$call("Flash.write",[a],E.toUint8Array(d));},
erasePage:function(a){$call("Flash.erasePage",[a]);},getPage:function(a){return $call("Flash.getPage",[a]);}};
var $storage={write:function(n,d,o,s){return $call("Storage.write",[n,o,s],d);},getFree:function(){return $call("Storage.getFree",[]);}};
var require=function(n){return n=="Flash"?$flash:n=="Storage"?$storage:$require(n);};
$later($loop,0);
`;

/**
 * Looks at Espruino's variables inside events too: whenever the bundle uses the hardware, an inner product, a hash or a cipher. Garbage is collected where
 * the figure would grow; the few variables of looking count.
 */
export const ESPRUINO_INSIDE = `
var $peak=0,$called=$call,$convolve=E.convolve,$crypto=$require("crypto");
function $look(){if(process.memory(false).usage>$peak){var u=process.memory().usage;if(u>$peak)$peak=u;}}
$call=function(n,a,b){$look();return $called(n,a,b);};
E.convolve=function(a,b,n){$look();return $convolve.call(E,a,b,n);};
var $hash=$crypto.SHA256,$encrypt=$crypto.AES&&$crypto.AES.encrypt,$decrypt=$crypto.AES&&$crypto.AES.decrypt;
$crypto={SHA256:function(p){$look();return $hash(p);},SHA512:$crypto.SHA512,AES:{encrypt:function(d,k,o){$look();return $encrypt(d,k,o);},decrypt:function(d,k,o){$look();return $decrypt(d,k,o);}}};
$inside=function(){return $peak;};
require=function(n){return n=="crypto"?$crypto:n=="Flash"?$flash:n=="Storage"?$storage:$require(n);};
`;

/** For JerryScript: what boards/jerryscript/host puts into the engine, asked of the simulator. The host itself gives `$pipeRead` and `$pipeWrite`. */
export const JERRY_LOCKSTEP = `
function $get(n){var b=$pipeRead(n),s="",i=0;for(i=0;i<b.length;i++)s+=String.fromCharCode(b[i]);return s;}
function $bytes(s){var b=new Uint8Array(s.length),i=0;for(i=0;i<b.length;i++)b[i]=s.charCodeAt(i);return b;}
function $put(d){$pipeWrite(typeof d==="string"?$bytes(d):d);}
function $quit(){throw new Error("the simulator has ended");}
${MESSAGES}${TIMERS}
function $into(out,data){var ok=data.length===out.length;if(ok)out.set(data);return ok;}
var leydenHost={hostNow:function(){return $call("host.now",[]);},hostAfter:function(ms,f){return $timer("setTimeout",f,ms);},
hostCancel:function(id){if(id){$call("clearTimeout",[id]);delete $t[id];}},hostRandom:function(out){$into(out,$call("host.random",[out.length]));},
hostWrite:function(p,b){$call("host.write",[p],b);},hostReceive:function(p,f){$d[p]=function(s){f($bytes(s));};$call("host.receive",[p]);},
hostFlashRead:function(a,out){return $into(out,$call("host.flashRead",[a,out.length]));},hostFlashProgram:function(a,b){return $call("host.flashProgram",[a],b);},
hostFlashErase:function(a){return $call("host.flashErase",[a]);},hostSupply:function(){return $call("host.supply",[]);},
hostEvent:function(n,f){var id=$call("host.event",[n]);$w[id]=function(e){f(e.state);};},hostSink:function(b){$call("host.sink",[],b);},
hostKeyMemory:function(n){$key=new Uint8Array(n);return $key;}};
`;
