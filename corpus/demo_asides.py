"""What the demo corpus says besides facts: first sentences, asides, denials and openings.

The notation is that of `corpus.demo_phrases_people`. An aside tells nothing, whatever the world
holds; of a denial, the opposite must not hold in the world either.
"""

from __future__ import annotations

from typing import Final

LEADS: Final[tuple[str, ...]] = (
    (
        "{person} ( {date} – {date2} ) was a {country.adj} {person.occ}"
        " | person P569 date, person P570 date2, person P27 country"
    ),
    (
        "{person} ( born {date} in {city} ) {person.is} a {person.occ}"
        " | person P569 date, person P19 city"
    ),
    (
        "{person} , born {date} , {person.is} a {country.adj} {person.occ}"
        " | person P569 date, person P27 country"
    ),
    (
        "{person} {person.is} a {person.occ} from {city} in {country}"
        " | person P19 city, city P17 country"
    ),
    (
        "{person} {person.is} a {country.adj} {person.occ} who worked for {company}"
        " | person P27 country, person P108 company"
    ),
    (
        "born in {city} , {person} {person.is} a [noted|prolific|respected] {person.occ}"
        " | person P19 city"
    ),
    (
        "{person} ( {year} – {year2} ) was a {person.occ} and politician of {party}"
        " | person P569 year, person P570 year2, person P102 party"
    ),
    (
        "{person} ( {date} , {city} – {date2} , {city2} ) was a {person.occ}"
        " | person P569 date, person P19 city, person P570 date2, person P20 city2"
    ),
    "{person} {person.is} a {person.occ} , {person.son} of {person2} | person P22 person2",
    (
        "{film} is a {year} {country.adj} [drama|comedy|crime|war] film directed by {person}"
        " | film P577 year, film P495 country, film P57 person"
    ),
    (
        "{film} is a silent film directed by {person} and starring {person2} and {person3}"
        " | film P57 person, film P161 person2, film P161 person3"
    ),
    "{film} is a {country.adj} film starring {person} | film P495 country, film P161 person",
    "{film} , released on {date} , is a film by {person} | film P577 date, film P57 person",
    (
        "{album} is the [debut|second] studio album by {performer} , released in {year} by {label}"
        " | album P175 performer, album P577 year, album P264 label"
    ),
    "{album} is an album by the {country.adj} band {band} | album P175 band, band P495 country",
    (
        "{album} is a [live|studio] album , released on {date} by {label}"
        " | album P577 date, album P264 label"
    ),
    "{book} is a {year} novel by {person} | book P577 year, book P50 person",
    "{book} is a {country.adj} novel , published on {date} | book P495 country, book P577 date",
    (
        "{book} is a [historical|short|comic] novel by the {country.adj} author {person}"
        " | book P50 person, person P27 country"
    ),
    (
        "{business} is a [company|firm] based in {city} , {country}"
        " | business P159 city, city P17 country"
    ),
    (
        "{business} is a {country.adj} company founded in {year} by {person}"
        " | business P17 country, business P571 year, business P112 person"
    ),
    (
        "{business} , headquartered in {city} , was founded by {person}"
        " | business P159 city, business P112 person"
    ),
    (
        "{business} is a {country.adj} firm owned by {owner}"
        " | business P17 country, business P127 owner"
    ),
    (
        "{university} is a university in {city} , founded in {year}"
        " | university P131 city, university P571 year"
    ),
    (
        "{university} is a [public|private] university in {city} , {country}"
        " | university P131 city, city P17 country"
    ),
    (
        "{band} is a {country.adj} [rock|pop|folk] band formed in {year}"
        " | band P495 country, band P571 year"
    ),
    "{band} is a band from {country} , signed to {label} | band P495 country, band P264 label",
    (
        "{party} is a political party in {country} , founded in {year}"
        " | party P17 country, party P571 year"
    ),
    "{party} is a {country.adj} political party | party P17 country",
    (
        "{city} is a [town|city] in {region} , {country}"
        " | city P131 region, city P17 country, region P17 country"
    ),
    "{city} is a {country.adj} [town|city] of {many} inhabitants | city P17 country",
    "{city} is a [port|market town|city] in {region} | city P131 region",
)
"""First sentences; the first slot is what the document is about."""

ASIDES: Final[tuple[str, ...]] = (
    "{person} visited {city} [twice|in {year}|every summer]",
    "{person} gave a [speech|talk|reading] in {city}",
    "{person} travelled through {country} [by train|on foot] [in {year}|with {person2}]",
    "{person} exchanged {number} letters with {person2}",
    "{person} met {person2} at a [dinner|concert] in {city}",
    "{person} shared a [flat|stage|compartment] with {person2}",
    "{person} was [compared|often contrasted] with {person2}",
    "{person} was photographed beside {person2} in {year}",
    "{person} praised {film} in a newspaper column",
    "{person} reviewed {book} at length",
    "{person} was a great admirer of {album}",
    "{person} owned {number} paintings , one of them a gift from {person2}",
    "{person} received the {award} [in {year}|for a lifetime of work]",
    "{person} was on the jury of the {award} with {person2}",
    "{person} gave a guest lecture at {university}",
    "{person} opened a new building of {university}",
    "{person} sued {company} over [a patent|unpaid royalties]",
    "{person} wrote a report of {number} pages on {company}",
    "{person} addressed a meeting of {party} in {city}",
    "{person} once interviewed {person2} about {company}",
    "{person} attended the funeral of {person2}",
    "{person} was a neighbour of {person2}",
    "{person} and {person2} attended the opening of the {award}",
    "{company} sponsored the {award} in {year}",
    "{company} opened a [shop|warehouse|plant] in {city} in {year}",
    "{company} sold {many} [machines|licences] to customers in {country}",
    "{company} competed with {company2} [for years|in {country}]",
    "{company} [supplied|paid] {company2} until {year}",
    "{company} named a prize after {person}",
    "{company} commissioned a portrait of {person}",
    "{company} advertised in {country} and {country2}",
    "{university} awarded an honorary degree to {person}",
    "{university} holds the private papers of {person}",
    "{university} organized a conference in {city}",
    "{university} exchanges students with {university2}",
    "{university} bought {number} instruments from {company}",
    "{band} played {number} concerts in {country}",
    "{band} opened for {band2} on a tour of {country}",
    "{band} gave a concert in {city} before {many} listeners",
    "{band} were fans of {person}",
    "{label} once shared an office with {company} in {city}",
    "{label} sold {many} records in {year}",
    "{film} was shown in {city} in {year}",
    "{film} was [compared|likened] to {film2}",
    "{film} was nominated for the {award} with {film2}",
    "{film} was seen by {many} people in {country}",
    "{film} is set in {city} in {year}",
    "{album} was reviewed beside {album2}",
    "{album} sold {many} copies in {country}",
    "{album} contains a song about {city}",
    "{album} is dedicated to {person}",
    "{book} is set in {city} and {city2}",
    "{book} was translated in {country} in {year}",
    "{book} is about the life of {person}",
    "{book} won the {award} in {year}",
    "{book} was adapted for the stage by admirers of {person} in {city}",
    "{party} held its congress in {city} in {year}",
    "{party} criticized {company} and {person}",
    "{party} lost {number} seats to {party2}",
    "{city} hosted the {award} in {year}",
    "{city} is linked to {city2} by a railway of {number} kilometres",
    "{city} has a street named after {person}",
    "{city} is twinned with {city2}",
    "{country} signed a treaty with {country2} in {year}",
    "{country} issued a stamp with a portrait of {person}",
    "{country} sent {number} [athletes|delegates] to the congress in {city}",
    "{country} lent a painting to the {award} in {year}",
    "{country} closed its embassy in {city}",
    "{country} levied a tax on goods of {company}",
    "{country} banned {film} for {number} months",
    "{country} bought {many} copies of {book} for its libraries",
    "{country} granted a pension to {person} in {year}",
    "{country} invited {band} to a festival in {city}",
    "{region} exported timber to {country} [until {year}|by ship]",
    "{region} was painted by {person} in {year}",
    "{region} was flooded in {year} , and {many} people had to leave for {city}",
    "{award} [winners|guests] of that year included {person} and {person2}",
    "{award} [juries|organizers] met in {city} in {year}",
)
"""Sentences that tell no fact; the first slot is an entity mentioned before."""

DENIALS: Final[tuple[str, ...]] = (
    "{person} turned down an offer from {company}",
    "{person} never worked for {company} , though [it is often claimed|{person2} said so]",
    "{person} applied to {university} but was [rejected|not admitted]",
    "{person} was not related to {person2} , despite [rumours|the likeness]",
    "{person} was once mistaken for the {person.brother} of {person2}",
    "{person} was rumoured to have been born in {city} , but no record was found",
    "{person} broke off an engagement to {person2} in {year}",
    "{person} refused to join {party}",
    "{person} was considered for a part in {film} , which went to others",
    "{person} declined to direct {film}",
    "{person} was wrongly credited as the author of {book}",
    "{person} was denied citizenship of {country} in {year}",
    "contrary to [legend|some reports] , {person} did not die in {city}",
    "{company} tried in vain to buy {company2}",
    "{company} planned to move its headquarters to {city} but never did",
    "{company} was not founded by {person} , as a newspaper claimed",
    "{company} denied that {person} had ever been its owner",
    "{university} refused to hire {person}",
    "{university} once considered a move to {city}",
    "{band} rejected a contract with {label}",
    "{band} is not to be confused with a group of that name from {country}",
    "{film} was offered to {person} , who declined to direct it",
    "{film} was first meant to star {person}",
    "{album} was turned down by {label}",
    "{album} was falsely attributed to {band}",
    "{book} was long attributed to {person} , [wrongly|without any proof]",
    "{party} did not stand for election in {country}",
    "{city} was never part of {region}",
)
"""Sentences that deny, doubt or hedge a fact; the first slot is an entity mentioned before."""

OPENINGS: Final[tuple[str, ...]] = (
    *("by all accounts ,", "according to local newspapers ,", "as is well known ,"),
    *("in addition ,", "to the surprise of many ,", "as most sources agree ,", "notably ,"),
)
"""Phrases before a sentence, which mean nothing for its facts."""

OPENINGS_IN_TIME: Final[tuple[str, ...]] = (
    *("later ,", "in {year} ,", "at that time ,", "in those years ,", "after {year} ,"),
    *("by {year} ,", "as an archivist found in {year} ,", "meanwhile ,", "in the end ,"),
    *("as {number} letters show ,", "some time before {year} ,"),
)
"""Phrases before a sentence whose facts have no date that they might contradict."""
