-- Nobody ever wrote to it: `evergreen.walks` remembers the answers of each fit, by its digest.

DROP TABLE evergreen.fits;
