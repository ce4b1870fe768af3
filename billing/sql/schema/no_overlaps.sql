-- Promises: of two versions of a card, tiers of a rate, holders of a calling code, or cards of a
-- business, rates of a tax place or laws of a country, never both hold for one day or count. Core range types only: the extension btree_gist
-- is not everywhere.
ALTER TABLE billing_cardversion ADD CONSTRAINT versions_do_not_overlap
    EXCLUDE USING gist (int8range(card_id, card_id, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&)
    WHERE (state <> 'draft');
ALTER TABLE billing_tier ADD CONSTRAINT tiers_do_not_overlap
    EXCLUDE USING gist (int8range(rate_id, rate_id, '[]') WITH &&, int8range(first, last, '[]') WITH &&);
-- Digits without a leading zero are one number each, so a range type can compare them.
ALTER TABLE billing_callingcode ADD CONSTRAINT calling_codes_do_not_overlap
    EXCLUDE USING gist (int8range(prefix::bigint, prefix::bigint, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&);
ALTER TABLE billing_cardchoice ADD CONSTRAINT card_choices_do_not_overlap
    EXCLUDE USING gist (int8range(business_id, business_id, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&);
-- Text as a number: two places with one hash would be refused wrongly, once in 10^15 tables of 100.
ALTER TABLE billing_taxrate ADD CONSTRAINT tax_rates_do_not_overlap
    EXCLUDE USING gist (int8range(hashtextextended(place, 0), hashtextextended(place, 0), '[]') WITH &&,
                        daterange(valid_from, valid_to) WITH &&);
ALTER TABLE billing_taxcountry ADD CONSTRAINT tax_laws_do_not_overlap
    EXCLUDE USING gist (int8range(hashtextextended(country, 0), hashtextextended(country, 0), '[]') WITH &&,
                        daterange(valid_from, valid_to) WITH &&);
