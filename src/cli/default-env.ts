/**
 * A user without a passwd entry has no home and no shell, but oclif needs both, partly while it is loaded: this file is
 * imported before everything else.
 */
process.env.SHELL ||= '/bin/sh';
process.env.HOME ||= '/';
