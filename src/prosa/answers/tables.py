"""The words by which questions differ in what turns an answer around, in English and Portuguese, folded.

In tables of beginnings a word stands for all that begin with it; one that ends in "=" stands for itself only.
"""

import re

from prosa.words import word_set

NUMBER_WORDS = {
    word: str(value)
    for value, words in enumerate(
        (
            "zero", "one um uma", "two dois duas", "three tres", "four quatro", "five cinco", "six seis", "seven sete",
            "eight oito", "nine nove", "ten dez", "eleven onze", "twelve doze",
        )
    )
    for word in words.split()
    if word not in {"one", "um", "uma"}  # articles and pronouns, far more often than numbers
}  # fmt: skip

_A_NUMBER = rf"(?:(?:a|as|o|os|the|de|do|da|dos|das|r|rs|us)[\s$]+|[€£$]\s?)*(?:\d|(?:{'|'.join(NUMBER_WORDS)})\b)"
BOUNDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("most", re.compile(
        r"\b(?:ate|no maximo|menos|menor|menores|abaixo|inferior|antes|under|below|up to|at most|less than|fewer than|"
        rf"younger than|until|till|before|maximum of)\s{_A_NUMBER}"
    )),
    ("least", re.compile(
        r"\b(?:a partir|partir|acima|mais|maior|maiores|superior|pelo menos|no minimo|minimo|depois|desde|over|above|"
        rf"from|at least|more than|older than|after|since|starting at|minimum of)\s{_A_NUMBER}"
    )),
)  # fmt: skip
"""How a number is meant: as the most or as the least of something."""

NEGATIONS = word_set(
    "not never none nothing nobody neither nor without cannot cant dont doesnt didnt wont wouldnt isnt arent wasnt "
    "werent hasnt havent hadnt couldnt shouldnt unable impossible except unless nao nunca jamais nada ninguem nenhum "
    "nenhuma nem sem exceto impossivel 👎 ❌ 🚫 ⛔"
)  # fmt: skip
ENGLISH = word_set(
    "the is are there i my have has had you can with for of to in on at your we this was were do does did be"
)
"""Any of them says that a text is English; to others "no" denies nothing: it is Portuguese for "in the"."""
NOT = re.compile(r"n['’]t$")
NO_NEGATION = re.compile(r"\b(?:no problem|sem problema|no entanto|pois nao|why not|por que nao|porque nao|no\.? \d)\b")

OPPOSITES: tuple[tuple[str, str], ...] = (
    # each side: beginnings of words; a trailing "=" means the whole word
    ("activat ativar ativa ativo= ativac ativei turnon= enabl habilit unlock desbloque unblock unfreez",
     "deactivat desativ cancel bloque block disabl desabilit freez congel encerr suspend lock= locked= locking="),
    ("open= opens= opened= opening= abr", "close= closes= closed= closing= fech encerr"),
    ("buy= buying= bought= purchas compr acquir adquir", "sell= selling= sold= sells= vend"),
    ("send= sending= sent= sends= enviar envio= envia= enviei mandar mando= mandei remet",
     "receiv receb"),
    ("deposit topup= recharg recarreg carregar", "withdraw sacar saque= retirar retirada= levantar"),
    ("add= adding= added= adds= adicion inclu insert acrescent", "remov delet exclu tirar retir apag"),
    ("increas raise= raising= aument upgrad subir", "decreas reduc lower= lowering= diminu downgrad baixar"),
    ("enter= entry= entrar entrada= login= checkin= start= starting= begin= comec inici",
     "leave= leaving= exit= sair saida= logout= checkout= end= ending= stop= stopping= finish termin acab parar"),
    ("before= antes= earlier=", "after= depois= apos= later="),
    ("accept aceit approv aprov", "reject refus recus declin neg= negad deny denied= rejeit"),
    ("with= com=", "without= sem="),
    ("more= mais= maior= maximum= max= maxim", "less= menos= menor= minimum= min= minim"),
    ("give= giving= dar= doar lend= lending= emprest", "return= returning= devol refund reembols estorn"),
    ("hire= hiring= contrat subscrib assinar assinatura= inscrev matricul", "fire= firing= unsubscrib rescind demit"),
    ("book= booking= reserv schedul agend marcar", "cancel desmarc reschedul reagend remarc"),
    ("cancel desmarc", "reschedul reagend remarc adiar= adiamento= postpon"),
    ("pay= paying= paid= pagar pago= pagamento=", "refund reembols estorn"),
    ("hot= quente=", "cold= frio= fria="), ("new= novo= nova=", "old= velho= velha= antigo= antiga= used= usad"),
    ("cheap barat", "expensiv caro= cara="),
    ("man= men= male= homem= homens= masculin", "woman women femal mulher feminin"),
    ("adult adulto", "child kid= kids= crianc infantil"), ("weekday semana= uteis=", "weekend fimdesemana="),
)  # fmt: skip

ACTIONS: tuple[str, ...] = (
    "activat ativar ativac ativei", "cancel desmarc", "block= blocked= bloque freez congel", "unblock desbloque unlock",
    "chang= change= changing= alter trocar troca= mudar mudanc modif", "delet exclu apag remov", "order pedir",
    "refund reembols estorn devol", "deliver entreg ship= shipping= frete=", "return= returning= devoluc",
    "reserv book= booking= agend schedul marcar", "pay= paying= paid= pagar pagamento= pago=",
    "repair consert fix= fixing=",
    "rent alug", "buy= buying= bought= compr purchas", "sell= selling= sold= vend", "transfer", "withdraw sacar saque=",
    "deposit", "exchang cambi converter converte", "verif confirm", "work= working= works= funcion trabalh",
    "cost= price= prices= pricing= preco= precos= custa= custam= custo= valor= valores= charge= fee= fees= taxa=",
    "open= opens= opened= abr", "close= closes= closed= fech", "park estacion", "lost= lose= perd stolen= roub",
    "discount descont promo", "job= jobs= vaga= vagas= emprego= curriculo= hiring=", "exchange= troca= trocar",
    "install instal", "learn= course= courses= curso= cursos= aprend", "complain reclam",
)  # fmt: skip

TIMES: tuple[str, ...] = (
    "hoje today tonight", "amanha tomorrow", "ontem yesterday", "segunda segunda-feira monday mondays",
    "terca terca-feira tuesday", "quarta quarta-feira wednesday", "quinta quinta-feira thursday",
    "sexta sexta-feira friday", "sabado sabados saturday saturdays",
    "domingo domingos sunday sundays", "feriado feriados holiday holidays", "natal christmas", "manha morning",
    "tarde afternoon", "noite evening night", "janeiro january", "fevereiro february", "marco march", "abril april",
    "maio", "junho june", "julho july", "agosto august", "setembro september", "outubro october", "novembro november",
    "dezembro december", "weekend weekends", "weekday weekdays", "semana week weeks semanal weekly",
    "mes meses month months mensal monthly", "ano anos year years anual yearly",
)  # fmt: skip

QUESTIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("when", re.compile(r"\b(?:when|quando|what time|que horas|how long|quanto tempo|que dia|what day)\b")),
    ("where", re.compile(r"\b(?:where|onde|aonde|which country|which city|em que lugar|endereco|address)\b")),
    ("price", re.compile(r"\b(?:how much|quanto (?!tempo)\w+|qual (?:o|e o) (?:preco|valor|custo)|what.{0,9}price)\b")),
    ("why", re.compile(r"\b(?:why|por que|porque|how come|qual o motivo)\b")),
    ("who", re.compile(r"\b(?:who|quem)\b")),
)  # fmt: skip

PLACE = re.compile(r"\b(?:in|to|at|from|near|em|no|na|nos|nas|para|pra|pro|ate|de|do|da|dos|das)\s+([^\W\d_]{3,})")
CAPITAL = re.compile(r"(?<=[^\W_] )([A-ZÀ-Ý][^\W\d_]+)")

COMMON = word_set(
    "the this that these those your you our my his her its their them there here me us him a an any all another each "
    "one other new i'm i do be get see have make use buy pay know ask talk speak "
    "voces voce vc meu minha meus minhas seu sua seus suas nossa nosso nos mim ele ela eles elas isso isto esse essa "
    "este esta aqui la onde que qual quem uma um uns umas fazer saber comprar pagar ver ter ser falar pedir usar "
    "hoje amanha ontem manha tarde noite segunda terca quarta quinta sexta sabado domingo feriado semana mes ano dia "
    "today tomorrow yesterday morning afternoon evening night week month year day time "
    "casa home account conta app site loja store shop cartao card numero number whatsapp mais menos forma casa "
    "atendimento funcionamento preco valor horario frente verdade local pra pro para com sem por ate fora "
    "compra compras pedido pedidos entrega produto produtos peca pecas cliente clientes pessoa pessoas presente troca "
    "credito debito dinheiro nota cupom email senha internet telefone celular nome graca "
    "about after before front next last first second more less amount order purchase delivery product item cash credit "
    "debit invoice receipt gift present online internet phone customer customers stock size email password"
)  # fmt: skip
INFINITIVE = re.compile(
    r"(?:[^\W\d_]{3,}(?:ar|ir)|ver|ter|ser|fazer|saber|receber|vender|trazer|escolher|devolver|conhecer|resolver)$"
)
"""Verbs of Portuguese after a preposition ("dá para retirar"), which are no places."""
