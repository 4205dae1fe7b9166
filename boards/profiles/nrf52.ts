/** What all boards with an nRF52 have alike. */
import type { Fact } from "./profile.js";

export const NRF52_RANDOM: Fact<string> = {
  value: "hardware generator",
  source:
    "targets/nrf5x/jshardware.c, jshGetRandomNumber: sd_rand_application_vector_get; nRF52832 product specification 1.4, RNG: thermal noise (nRF52833 and nRF52840 alike)",
};
/** System ON, full RAM kept, RTC on the 32 kHz crystal: typically 1.9 microamperes at 25 degrees; threefold for 40 degrees and scatter. */
export const NRF52_STANDBY: Fact<number> = { value: 6, source: "nRF52832 product specification 1.4, 19 Power: ION_RAMON_RTC, times 3" };
export const NRF52_BROWNOUT: Fact<number> = { value: 1700, source: "nRF52832 product specification 1.4, 20.2: minimum supply 1.7 V" };
export const NRF52_CLOCK: Fact<number> = { value: 40, source: "32.768 kHz crystal of 20 ppm, doubled for temperature and age" };
export const NRF52_PAGE: Fact<number> = { value: 4096, source: "nRF52832 product specification 1.4, 11 NVMC" };
