/**
 * For a user without a passwd entry the system knows no home and no shell, and oclif asks for both, partly while it is
 * being loaded: this file is imported before everything else.
 */
process.env.SHELL ||= '/bin/sh';
process.env.HOME ||= '/';
