/** As in package.json, which is out of reach of a module that runs everywhere. */
export const VERSION = "0.1.0";
