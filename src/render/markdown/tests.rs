//! Markdown in both parts of a mail, and the errors for what a mail cannot contain.

use expect_test::{Expect, expect};

use crate::render::rig::{body_for, faults_of};

fn check_faults(body: &str, expected: &Expect) {
    expected.assert_eq(&faults_of(body));
}

#[test]
fn marks_that_are_not_read_are_errors() {
    for (text, expected) in [
        (
            "Hej!\n\n[Läs](https://x.example/Delade dokument/r.pdf) nu.",
            "error: a link that is not read, because of its address",
        ),
        ("Se [länk] (https://x.example).", "error: a link that is not read, because of a blank before `(`"),
        ("Se [länk (https://x.example).", "error: a bracket that does not close before the address"),
        ("Det är ** fet** text.", "error: `**` or `__` that is not read as bold"),
        ("- Det är **fet ** text.", "error: `**` or `__` that is not read as bold"),
    ] {
        let found = faults_of(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
    for fine in [
        "Se [länk](https://x.example/a%20b) och [en](<https://x.example/a b>).",
        "Ett pris [sic] (det var 2 * 3 * 4) och `** kod **`, `[x](y z)`.",
        "En \\*\\*stjärna\\*\\* och \\[klammer\\](x).",
        "    ** kod **\n\n***\n\nsnake_case och __fet__ och **fet**.",
        "[1] (se nedan) och [en lista [i en lista]].",
    ] {
        let found = faults_of(fine);
        assert!(!found.contains("not read") && !found.contains("does not close"), "{fine}: {found}");
    }
}

#[test]
fn every_block_is_rendered_in_both_parts() {
    let body = "\
## Två *saker*

En rad\\
och en till, \"citerad\" & klar.

- ett
- två som är så lång att den måste brytas någonstans för att få plats på en enda rad
  - inuti

    ```
    kod <här>
      indragen
    ```

7. sju
8. åtta

   nytt stycke

> citat
>
> - punkt
>
> slut

---

Skriv till <hej@ekdala.example> eller [oss](mailto:oss@ekdala.example?subject=Hej%20du).
<https://ekdala.example/en/väg> \\{{inte ett namn}}
";
    let (html, text) = body_for("Åsa", body);
    expect![[r#"
            <h2>Två <em>saker</em></h2>
            <p>En rad<br>
            och en till, &quot;citerad&quot; &amp; klar.</p>
            <ul>
            <li>ett</li>
            <li>två som är så lång att den måste brytas någonstans för att få plats på en enda rad<ul>
            <li><p>inuti</p>
            <pre><code>kod &lt;här&gt;
              indragen
            </code></pre>
            </li>
            </ul>
            </li>
            </ul>
            <ol start="7">
            <li><p>sju</p>
            </li>
            <li><p>åtta</p>
            <p>nytt stycke</p>
            </li>
            </ol>
            <table role="presentation" class="quotation" border="0" cellpadding="0" cellspacing="0"><tr><td><blockquote>
            <p>citat</p>
            <ul>
            <li>punkt</li>
            </ul>
            <p>slut</p>
            </blockquote></td></tr></table>
            <hr>
            <p>Skriv till <a href="mailto:hej@ekdala.example">hej@ekdala.example</a> eller <a href="mailto:oss@ekdala.example?subject=Hej%20du">oss</a>.
            <a href="https://ekdala.example/en/v%C3%A4g">https://ekdala.example/en/väg</a> {{inte ett namn}}</p>"#]].assert_eq(&html);
    expect![[r#"
            Två saker

            En rad
            och en till, "citerad" & klar.

            - ett
            - två som är så lång att den måste brytas någonstans för att få plats på en
              enda rad

              - inuti

                    kod <här>
                      indragen

            7. sju

            8. åtta

               nytt stycke

            > citat
            >
            > - punkt
            >
            > slut

            * * *

            Skriv till hej@ekdala.example eller oss <oss@ekdala.example?subject=Hej%20du>.
            https://ekdala.example/en/v%C3%A4g {{inte ett namn}}
        "#]]
    .assert_eq(&text);
}

#[test]
fn a_link_to_the_answer_alone_in_its_paragraph_is_a_button() {
    let (html, _) = body_for(
        "Åsa",
        "[Klar]({{link.answer}})\n\nEller [klar]({{link.answer}}).\n\n[Paus]({{link.pause}})",
    );
    assert_eq!(html.matches("class=\"button\"").count(), 1, "{html}");
}

#[test]
fn an_unknown_name_is_reported_with_its_location() {
    check_faults(
        "Hej!\n\nåäö {{person.fist_name}} {{ extra.Lön }} {{mail.body}} {{epost}} {{ {{x}}",
        &expect![[r#"
            journeys/miljo/resor.md:12:5: error: unknown placeholder `person.fist_name`
              hint: did you mean `person.first_name`?
            journeys/miljo/resor.md:12:26: error: unknown placeholder `extra.Lön`
              hint: only columns kept on purpose can be used: add `Lön` to `[people] keep`
            journeys/miljo/resor.md:12:42: error: `mail.body` is a name for templates only
              hint: placeholders of the mail template cannot be used in a step
            journeys/miljo/resor.md:12:56: error: unknown placeholder `epost`
              hint: the names are `person.…`, `step.…`, `journey.title`, `character.name`, `programme.title`, `organisation`, `link.…` and `extra.<column>`
            journeys/miljo/resor.md:12:66: error: a placeholder that begins with `{{` but does not end with `}}` on the same line
              hint: write `{{person.first_name}}`; a brace that is only a brace is written `\{`
            journeys/miljo/resor.md:12:69: error: unknown placeholder `x`
              hint: the names are `person.…`, `step.…`, `journey.title`, `character.name`, `programme.title`, `organisation`, `link.…` and `extra.<column>`
        "#]],
    );
}

#[test]
fn raw_html_and_foreign_schemes_are_refused() {
    check_faults(
        "Hej <b onclick=x>du</b>\n\n<script>\nalert(1)\n</script>\n\n[a](javascript:alert(1)) [b](data:text/html,x) \
             [c](//evil.example) [d](/lokal) [e](http://x.example) [f](JaVaScRiPt&#58;x) [g](https:evil) \
             [h](https://user@evil.example/) [i](https://{{person.unit}}.example/) [j](https://10.0.0.1/) \
             [k](vbscript&colon;x) [l](<java\tscript:x>) [m](ftp://x.example)",
        &expect![[r#"
                journeys/miljo/resor.md:10:5: error: `<b onclick=x>` is HTML, and a step is Markdown only
                  hint: a `<` that is only a sign is written `\<`
                journeys/miljo/resor.md:12:1: error: `<script>` is HTML, and a step is Markdown only
                  hint: a `<` that is only a sign is written `\<`
                journeys/miljo/resor.md:16:1: error: `javascript:` links are not allowed
                  hint: links are `https://…`, `mailto:…` or one of `{{link.…}}`
                journeys/miljo/resor.md:16:26: error: `data:` links are not allowed
                  hint: links are `https://…`, `mailto:…` or one of `{{link.…}}`
                journeys/miljo/resor.md:16:48: error: a link that begins neither with `https://` nor with `mailto:`
                  hint: a mail has no place of its own: write the whole address, or one of `{{link.…}}`
                journeys/miljo/resor.md:16:68: error: a link that begins neither with `https://` nor with `mailto:`
                  hint: a mail has no place of its own: write the whole address, or one of `{{link.…}}`
                journeys/miljo/resor.md:16:80: error: an `http:` link is open to everybody on the way
                  hint: write `https:`
                journeys/miljo/resor.md:16:102: error: `javascript:` links are not allowed
                  hint: links are `https://…`, `mailto:…` or one of `{{link.…}}`
                journeys/miljo/resor.md:16:124: error: an address with `https:` but without `//`
                  hint: write `https://` and the host
                journeys/miljo/resor.md:16:140: error: an address whose host is not a plain name
                  hint: the host is letters, digits, `-` and `.`, with no placeholder, user or password in it
                journeys/miljo/resor.md:16:172: error: an address whose host is not a plain name
                  hint: the host is letters, digits, `-` and `.`, with no placeholder, user or password in it
                journeys/miljo/resor.md:16:210: error: an address with a bare IP number
                  hint: mail filters take it for a fraud: link to a name
                journeys/miljo/resor.md:16:233: error: `vbscript:` links are not allowed
                  hint: links are `https://…`, `mailto:…` or one of `{{link.…}}`
                journeys/miljo/resor.md:16:255: error: a link target with a control character in it
                  hint: write it on one line
                journeys/miljo/resor.md:16:276: error: `ftp:` links are not allowed
                  hint: links are `https://…`, `mailto:…` or one of `{{link.…}}`
            "#]],
    );
}

#[test]
fn an_own_link_is_used_whole_or_not_at_all() {
    check_faults(
        "[a]({{link.answer}}?x=1) [b](https://x.example/?next={{link.answer}}) [c]({{person.first_name}}) \
             [d](mailto:{{person.first_name}}@x.example)",
        &expect![[r#"
            journeys/miljo/resor.md:10:1: error: `link.answer` is a whole address of its own and cannot be a part of another
              hint: write `({{link.answer}})` with nothing before or after
            journeys/miljo/resor.md:10:26: error: `link.answer` is a whole address of its own and cannot be a part of another
              hint: write `({{link.answer}})` with nothing before or after
            journeys/miljo/resor.md:10:71: error: `person.first_name` is not an address and cannot be the whole target of a link
              hint: whole targets are `{{link.answer}}` and the other `link.…` names
            journeys/miljo/resor.md:10:98: error: a `mailto:` link without a plain mail address
              hint: write `mailto:name@example.se`; placeholders are allowed after `?`
        "#]],
    );
}

#[test]
fn triple_braces_and_blocks_are_refused() {
    check_faults(
        "{{{person.first_name}}} {{&person.first_name}}\n{{#if person.unit}}a{{else}}b{{/if}} {{> footer}} {{!-- x --}}",
        &expect![[r#"
                journeys/miljo/resor.md:10:1: error: `{{{person.first_name}}}` would go into the mail unescaped
                  hint: write it with two braces: `{{person.first_name}}`
                journeys/miljo/resor.md:10:25: error: `{{&person.first_name}}` would go into the mail unescaped
                  hint: write it with two braces: `{{person.first_name}}`
                journeys/miljo/resor.md:11:1: error: `{{#if person.unit}}` is a block, and blocks belong to templates
                  hint: write a variant of the step for that character or language instead
                journeys/miljo/resor.md:11:21: error: `{{else}}` is a block, and blocks belong to templates
                  hint: write a variant of the step for that character or language instead
                journeys/miljo/resor.md:11:30: error: `{{/if}}` is a block, and blocks belong to templates
                  hint: write a variant of the step for that character or language instead
                journeys/miljo/resor.md:11:38: error: `{{> footer}}` is a block, and blocks belong to templates
                  hint: write a variant of the step for that character or language instead
                journeys/miljo/resor.md:11:51: error: `{{!-- x --}}` is a block, and blocks belong to templates
                  hint: write a variant of the step for that character or language instead
            "#]],
    );
}

#[test]
fn oversized_and_deeply_nested_input_is_refused_quickly() {
    let bombs = [
        ">".repeat(50_000),
        "> ".repeat(50_000),
        "- ".repeat(50_000),
        "[".repeat(50_000),
        "![".repeat(50_000),
        "*".repeat(50_000),
        "*a ".repeat(50_000),
        "**a _b ".repeat(20_000),
        "`".repeat(50_000),
        "{{".repeat(50_000),
        "{{person.first_name}}".repeat(9_000),
        "<".repeat(50_000),
        "<!--".repeat(50_000),
        "[a](".repeat(50_000),
        "[a][".repeat(40_000),
        "[a]: https://x.example\n".repeat(8_000),
        "&amp;".repeat(40_000),
        "a".repeat(900_000),
        "\\".repeat(100_000),
        "i morgon ".repeat(20_000),
    ];
    // Each takes milliseconds; a quadratic one would make this test very slow.
    let found: Vec<String> = bombs.iter().map(|bomb| faults_of(bomb)).collect();
    assert!(found.iter().all(|faults| faults.len() < 40_000));
    expect![[r#"
            journeys/miljo/resor.md:10:9: error: quotations and lists more than 8 deep
              hint: it is hard to read on a phone: use one level
            journeys/miljo/resor.md:10:1: error: 900 kB of text, and at most 200 kB
              hint: a mail is read in a few minutes: shorten it
        "#]]
    .assert_eq(&(found[0].clone() + &found[17]));
}

#[test]
fn pictures_headings_links_and_days_are_checked() {
    check_faults(
        "# Rubrik\n\n#### Djup\n\n![](bild.png) ![Två händer](bild.png) ![x](https://x.example/p.png) ![y](data:x)\n\n\
             Läs [här](https://x.example) eller [](https://x.example).\n\nVi ses i morgon. \
             [https://bank.example](https://x.example/)",
        &expect![[r#"
                journeys/miljo/resor.md:10:1: warning: a heading of the first rank in the text
                  hint: the title of the step is the one heading of that rank: begin with `##`
                journeys/miljo/resor.md:12:1: warning: a heading of rank 4 after one of rank 2
                  hint: write `###`: people who listen find their way by ranks
                journeys/miljo/resor.md:14:1: error: the picture has no description (alt text)
                  hint: write between the brackets what it shows: `![Two hands and a seedling](…)`
                journeys/miljo/resor.md:14:15: error: pictures in mails are not supported yet
                  hint: describe it in the text; a film has its own field in the front matter
                journeys/miljo/resor.md:14:39: error: a picture from somewhere else
                  hint: mail programs block it, and it tells the other server who reads: link to it instead
                journeys/miljo/resor.md:14:69: error: a picture from somewhere else
                  hint: mail programs block it, and it tells the other server who reads: link to it instead
                journeys/miljo/resor.md:16:5: warning: `här` does not say where the link leads
                  hint: some people hear only the links: name what is there
                journeys/miljo/resor.md:16:36: error: a link without a text
                  hint: write `[Where it leads](…)`
                journeys/miljo/resor.md:18:8: warning: `i morgon` is wrong when the mail comes later than planned
                  hint: write the weekday or the date, or leave it out
                journeys/miljo/resor.md:18:18: error: the text shows another address than `x.example`, where the link leads
                  hint: mail filters treat it as fraud: write a text instead
            "#]],
    );
}

#[test]
fn no_link_identifies_the_recipient() {
    check_faults(
        "[a](https://x.example/?n={{person.last_name}}&t={{extra.Titel}})",
        &expect![[r#"
            journeys/miljo/resor.md:10:1: warning: `person.last_name` tells another server who the recipient is
              hint: leave it out of the link if you can
            journeys/miljo/resor.md:10:1: warning: `extra.Titel` tells another server who the recipient is
              hint: leave it out of the link if you can
        "#]],
    );
}
