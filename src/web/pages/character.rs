//! The page for choosing a character. It is asked once more, because a mail scanner may press a button.

use axum::http::StatusCode;

use super::{PageContext, ReaderPage};
use crate::domain::change::Change;
use crate::domain::model::ids::{Language, Slug};
use crate::domain::model::library::Character;
use crate::engine::pages::link::Link;
use crate::render::page::views::{CharacterCard, CharacterPage, Notice, Page};
use crate::store::Store;
use crate::web::forms::FormCheck;
use crate::web::response::PageResponse;

pub(super) fn show(page: &ReaderPage<'_>) -> anyhow::Result<PageResponse> {
    form(page, StatusCode::OK, None)
}

pub(super) fn submit(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    match page.check_form() {
        FormCheck::Accepted => {}
        FormCheck::Expired => return form(page, StatusCode::OK, Some(Notice::NotSaved)),
        FormCheck::Refused => return form(page, StatusCode::FORBIDDEN, Some(Notice::NotSaved)),
    }
    if page.button() != "save" {
        return show(page);
    }
    let asked = page.cx.request.field("character").unwrap_or_default();
    let characters = &page.link.library.programme.characters;
    let Some(character) = characters.iter().find(|character| character.id.as_str() == asked) else {
        return form(page, StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::NothingChosen));
    };
    if !page.is_confirmed() {
        let token = page.form_token();
        let card = card(page, character);
        return page.show(StatusCode::OK, &Page::ConfirmCharacter { character: card, token: &token });
    }
    let person = page.link.reader.person.id.clone();
    if page.link.reader.character.as_ref() != Some(&character.id) {
        let change = Change::SetCharacter { person, character: character.id.clone() };
        let before = page.link.reader.character.as_ref().map_or("nothing chosen".to_owned(), Slug::to_string);
        let after = character.id.to_string();
        store.record_decision(&change, &Link::author(page.cx.now), &before, &after)?;
    }
    page.show(StatusCode::OK, &Page::CharacterChosen { name: card(page, character).name })
}

fn form(page: &ReaderPage<'_>, status: StatusCode, notice: Option<Notice>) -> anyhow::Result<PageResponse> {
    let token = page.form_token();
    let characters = &page.link.library.programme.characters;
    let view = CharacterPage {
        characters: characters.iter().map(|character| card(page, character)).collect(),
        current: name_of(page, page.link.character()),
        notice,
        token: &token,
    };
    page.show(status, &Page::Character(view))
}

/// The name of a character in the language of the page.
pub(super) fn name_of<'p>(page: &'p ReaderPage<'_>, id: Option<&Slug>) -> Option<&'p str> {
    let characters = &page.link.library.programme.characters;
    characters.iter().find(|character| Some(&character.id) == id).map(|character| card(page, character).name)
}

fn card<'p>(page: &'p ReaderPage<'_>, character: &'p Character) -> CharacterCard<'p> {
    card_in(page.cx, page.language(), character)
}

/// A character in a language.
pub(super) fn card_in<'p>(
    cx: &'p PageContext<'_>,
    language: &Language,
    character: &'p Character,
) -> CharacterCard<'p> {
    let translated = cx.library().programme.translations.get(language);
    let own = translated.and_then(|words| words.characters.get(&character.id));
    let or_first = |own: Option<&'p String>, first: &'p String| own.unwrap_or(first).as_str();
    CharacterCard {
        id: character.id.as_str(),
        name: or_first(own.and_then(|own| own.name.as_ref()), &character.name),
        about: or_first(own.and_then(|own| own.about.as_ref()), &character.about),
        picture: None,
    }
}
