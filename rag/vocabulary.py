"""The words of orders to machines, by the part that they play; a word may play several."""

from __future__ import annotations

from collections.abc import Iterator

# English, German, French, Spanish and Italian, without accents, with hasty spellings. What a letter stands for
# is seen from its words; the rules in ``rag.orders`` are written with these letters.
PARTS = {
    "D": (
        "ignore disregard forget override bypass discard drop skip abandon erase supersede supersedes"
        " ignoriere ignoriert ignorieren vergiss vergesst vergessen missachte missachten verwirf uebergehe"
        " ubergehe ignorez ignorer ignores oubliez oublie oublier negligez ignora ignorad ignoren olvida"
        " olvide olvidad olviden olvidar descarta descarte dimentica dimenticate ignorate esqueca desconsidere"
        " negeer vergeet"
    ),
    "I": (
        "instruction instructions instrucions instuctions instrucciones instruccion istruzioni instrucoes"
        " instructies anweisung anweisungen consignes consigne prompt prompts directives briefing sysprompt"
        " instruktionen instruktion vorgaben indicaciones"
    ),
    "i": (
        "rule rules order orders guideline guidelines command commands directions programming constraints"
        " restrictions safeguards regeln befehle regles ordres reglas ordenes regole directive training"
    ),
    "C": (
        "passage passages context contexts excerpt excerpts snippets passagen passaggi extraits extrait"
        " pasajes pasaje fragmentos kontext contexte contexto textstellen abschnitte"
    ),
    "c": (
        "article articles source sources document documents text texts page pages paragraph paragraphs"
        " material artikel artikeln quelle quellen texten dokumente articulos articulo fuentes documentos"
        " documento textes results reports articoli fonti"
    ),
    "p": (
        "previous prior preceding earlier foregoing bisherigen bisherige vorherigen vorherige vorigen obigen"
        " fruheren precedentes precedente anterieures anteriores anterior previas previos precedenti above"
        " initial vorangegangenen hidden original"
    ),
    "l": (
        "all every any other others everything else rest remaining al alle allen alles jede ubrigen anderen"
        " tous toutes toute tout autres autre aucun otro altro altri todas todos todo toda demas otros otras"
        " tutte tutti besides whatever"
    ),
    "Y": (
        "you your yours yourself u ur du dein deine deiner deinen deinem dich dir eure euch ihre ihren vous"
        " te toi ton votre vos tes tus usted sus tue tuoi vostre"
    ),
    "M": (
        "ai llm llms chatbot chatbots bot bots gpt chatgpt claude gemini copilot perplexity crawler crawlers"
        " scraper scrapers ki sprachmodell sprachmodelle ia robots assistants assistenten chatgpts transformer"
        " asistentes automata automaton"
    ),
    "a": "assistant assistent asistente assistente assistants",
    "j": (
        "answering reading automated automatic automatische automatischen automatisierte virtual language"
        " artificial retrieval summarizing summarising summarization indexing intelligent smart generative"
        " conversational machine ai large virtuelle intelligente automatiques automatique automaticos virtuels"
        " virtuales question qa"
    ),
    "k": (
        "machine machines maschine maschinen machinery software system systems model models modelle engine"
        " engines service services reader readers program programs programme programmes tool tools"
        " intelligence summarizer summarizers summariser parser parsers pipeline pipelines systeme sistemas"
        " sistema modele modeles modelo modelos maquina maquinas robot helper helpers oracle"
    ),
    "S": (
        "say says answer answers anser reply replies respond responds state output outputs print write name"
        " cite tell told return give insert put quote report repeat replace replaced answered antworte"
        " antworten antwortet sage sag sagen schreibe schreib nenne nennen gib geben gebt ausgeben zitiere"
        " repondez reponds repondre repond repondra dites dis dire ecrivez ecris ecrire donnez citez indiquez"
        " affirmez responda responde responder responded contesta conteste contestar diga digan di decir"
        " escriba escribe indica indique cita rispondi rispondete rispondere scrivi scrivete lautet"
    ),
    "A": "answer reply response responses reponse respuesta antwort risposta resposta antwoord",
    "R": (
        "reveal display recite render translate list disclose paste leak spell dump expose summarise"
        " summarize show copy verrate zeige wiederhole uebersetze montre montrez revele revelez affiche"
        " affichez recopiez revela muestra muestre repite repita mostra ripeti encode"
    ),
    "Q": (
        "ask asks asked askd asking gefragt fragt fragen frage demande demandent demandera interroge"
        " interrogee pregunta preguntan preguntas pregunte pregunten chiede question questions query queries"
    ),
    "O": (
        "must should shall shud shoud soll sollen muss mussen sollst musst doit doivent devez debe deben"
        " debes deve devono may"
    ),
    "X": (
        "only exactly verbatim solely nothing instead ausschliesslich ausschlieslich nur uniquement seulement"
        " exclusivement unicamente solo solamente exclusivamente soltanto jus"
    ),
    "F": (
        "note notes notice message messages attention advisory instruction instructions hint memo reminder"
        " permissions permission announcement caption warning hinweis achtung nachricht mitteilung avis nota"
        " aviso mensaje avviso messaggio directive importante"
    ),
    "t": "to for an fur pour para a aux alla all ai agli per aos zu al los las die des der dem den delle dei",
    "E": "dear hello hey hi greetings liebe lieber chere cher querido querida caro",
    "s": "system systemprompt developer sistema systeme",
    "T": "prompt prompts message messages",
    "W": "tokens weights parameters embedding embeddings retrieved trained",
    "K": (
        "machine machines maschine maschinen robot robots models modell modele modelos maquina chatbot bot"
        " algorithm roboter sprachmodell"
    ),
    "m": (
        "mention quote quoted display displayed show shown reveal revealed disclose cite citez translate"
        " mentioned"
    ),
    "r": (
        "read reads reading parse parses parsing processing liest lesen lit lisent lee leen legge scan scans"
        " indexing summarising summarizing summarises summarizes auswertet verarbeitet"
    ),
    "z": "cite cited citing cites zitiere zitiert citez cita marked",
    "Z": (
        "antworte antwortet sage nenne nennt schreibe reponds repondez ecris ecrivez dites responde responda"
        " respondan contesta conteste diga digan escribe escriba rispondi rispondete lautet"
    ),
    "H": "hereby instruct instructs",
    "d": "instructed required obliged told ordered commanded directed",
    "v": (
        "wrong false unreliable incorrect fake falsch fausses falsas stale retracted apply void cancelled"
        " canceled revoked superseded suspended obsolete lifted withdrawn outdated rescinded overridden"
        " aufgehoben ungultig hinfallig widerrufen annulees annulee revoquees caduques anuladas revocadas"
        " annullate"
    ),
    "h": (
        "note notice comment message line paragraph caption text instruction page hinweis commentaire nota"
        " comentario"
    ),
    "g": "given got received gotten been were told gegeben bekommen erhalten recues recu donnees recibido dado",
    "q": "this these here dies diesen diesem dieses ceci cette cet esto este esta questo questa",
    "e": "lenguaje langage linguaggio linguagem",
    "u": "use verwende verwendet nutze utilisez usa usad",
    "b": "be is are ist sind est sont es son been",
    "n": "not never no dont nicht nie niemals kein keine pas jamais ne nunca non",
    "w": (
        "when if whoever anyone anybody whenever wer wenn falls quand quiconque cuando quien quienes wen"
        " fragt someone somebody user users usr si se"
    ),
    "f": (
        "final correct right official approved proper richtige korrekte einzige bonne correcte correcta unica"
        " corretta"
    ),
}
CORE = "ignore disregard instruction instructions previous answer assistant system prompt"


def lexicon() -> dict[str, frozenset[str]]:
    """Return the parts of each word; the commonest may have lost a letter, or have two of them swapped."""
    parts: dict[str, set[str]] = {}
    for letter, words in PARTS.items():
        for word in words.split():
            parts.setdefault(word, set()).add(letter)
    for word in CORE.split():
        for slip in _slips(word):
            parts.setdefault(slip, parts[word])
    return {word: frozenset(letters) for word, letters in parts.items()}


def _slips(word: str) -> Iterator[str]:
    for place in range(1, len(word)):
        yield word[:place] + word[place + 1 :]
        yield word[:place] + word[place : place + 2][::-1] + word[place + 2 :]
