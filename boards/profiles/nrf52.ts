/** What all boards with an nRF52 have alike. */
import type { Fact } from "./profile.js";

export const NRF52_RANDOM: Fact<string> = {
  value: "hardware generator",
  source:
    "targets/nrf5x/jshardware.c, jshGetRandomNumber: sd_rand_application_vector_get; nRF52832 product specification 1.4, RNG: thermal noise (nRF52833 and nRF52840 alike)",
};
/** No build of these boards but the Bangle.js 2's defines ESPR_LSE_ENABLE, so that the engine runs its clock from the chip's RC oscillator. */
export const NRF52_CLOCK: Fact<number> = {
  value: 500,
  source:
    "targets/nrf5x/nrf5x_utils.c, nrf_utils_lfclk_config_and_start: the RC oscillator; nRF52832 and nRF52833 product specifications, LFRC after calibration",
};

/** Flash page of the nRF52832 and nRF52833. */
export function nrf52Page(chip: "nRF52832" | "nRF52833"): Fact<number> {
  return { value: 4096, source: `${chip} product specification, Memory: flash page` };
}
