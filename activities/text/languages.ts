import { TEXT_KEYS, type TextKey } from '../../workflows/contracts.ts';

/** Every sentence that a bot may override: those of a handoff, and the answer outside the hours. */
export const USER_TEXT_KEYS = [...TEXT_KEYS, 'out_of_hours'] as const;
export type UserTextKey = TextKey | 'out_of_hours';

/** When nothing better is known. */
export const DEFAULT_LANGUAGE = 'en';

type LanguageTexts = Record<UserTextKey, string>;

const en: LanguageTexts = {
  email_required: 'Please enter your e-mail address so that our team can help you.',
  connecting: 'One moment, please. We are connecting you to a member of our team.',
  busy: 'Sorry, our team cannot be reached at the moment. I will go on helping you here.',
  wait_timeout: 'Everyone is still busy. Would you like to keep waiting?',
  wait_choice_wait: 'Keep waiting',
  wait_choice_end: 'Stop waiting',
  active: 'You are now talking to a member of our team.',
  agent_changed: 'A colleague is taking over your conversation.',
  snoozed: 'Our team is looking into your request and will get back to you.',
  message_failed: 'Sorry, your message could not be delivered. Please try again.',
  closed_by_user: 'You have ended the conversation with our team.',
  closed_by_agent: 'Our team has ended the conversation. Thank you for getting in touch.',
  closed_by_bot: 'The conversation with our team has ended. I am here again for you.',
  closed_wait_timeout: 'Sorry, nobody was free to answer. I will go on helping you here.',
  closed_inactivity: 'The conversation has ended because we have not heard from you. Write to us at any time.',
  closed_email_not_given: 'Without an e-mail address we could not connect you. I will go on helping you here.',
  closed_desk_unavailable: 'Sorry, our team cannot be reached right now. Please try again later.',
  closed_by_operator: 'The conversation with our team has ended. Please ask again if you still need help.',
  out_of_hours: 'Our team is not available right now. Please try again during our service hours.',
};

const fr: LanguageTexts = {
  email_required: 'Veuillez indiquer votre adresse e-mail pour que notre équipe puisse vous aider.',
  connecting: 'Un instant, s’il vous plaît. Nous vous mettons en relation avec un membre de notre équipe.',
  busy: 'Désolé, notre équipe n’est pas joignable pour le moment. Je continue à vous aider ici.',
  wait_timeout: 'Tous nos conseillers sont encore occupés. Souhaitez-vous patienter ?',
  wait_choice_wait: 'Patienter',
  wait_choice_end: 'Ne plus attendre',
  active: 'Vous êtes maintenant en contact avec un membre de notre équipe.',
  agent_changed: 'Un collègue prend le relais dans votre conversation.',
  snoozed: 'Notre équipe étudie votre demande et reviendra vers vous.',
  message_failed: 'Désolé, votre message n’a pas pu être transmis. Veuillez réessayer.',
  closed_by_user: 'Vous avez mis fin à la conversation avec notre équipe.',
  closed_by_agent: 'Notre équipe a mis fin à la conversation. Merci de nous avoir contactés.',
  closed_by_bot: 'La conversation avec notre équipe est terminée. Je suis de nouveau à votre écoute.',
  closed_wait_timeout: 'Désolé, personne n’était disponible pour vous répondre. Je continue à vous aider ici.',
  closed_inactivity:
    'Sans nouvelles de votre part, nous avons mis fin à la conversation. Écrivez-nous quand vous voulez.',
  closed_email_not_given:
    'Sans adresse e-mail, nous n’avons pas pu vous mettre en relation. Je continue à vous aider ici.',
  closed_desk_unavailable: 'Désolé, notre équipe n’est pas joignable actuellement. Veuillez réessayer plus tard.',
  closed_by_operator: 'La conversation avec notre équipe est terminée. N’hésitez pas à refaire une demande.',
  out_of_hours: 'Notre équipe n’est pas disponible actuellement. Veuillez réessayer pendant nos heures de service.',
};

const es: LanguageTexts = {
  email_required: 'Indique su correo electrónico para que nuestro equipo pueda ayudarle.',
  connecting: 'Un momento, por favor. Le estamos poniendo en contacto con una persona de nuestro equipo.',
  busy: 'Lo sentimos, no podemos contactar con nuestro equipo en este momento. Sigo ayudándole aquí.',
  wait_timeout: 'Todo nuestro equipo sigue ocupado. ¿Desea seguir esperando?',
  wait_choice_wait: 'Seguir esperando',
  wait_choice_end: 'Dejar de esperar',
  active: 'Ya está hablando con una persona de nuestro equipo.',
  agent_changed: 'Otra persona de nuestro equipo continúa con su conversación.',
  snoozed: 'Nuestro equipo está revisando su consulta y le responderá.',
  message_failed: 'Lo sentimos, no se ha podido entregar su mensaje. Inténtelo de nuevo.',
  closed_by_user: 'Ha finalizado la conversación con nuestro equipo.',
  closed_by_agent: 'Nuestro equipo ha finalizado la conversación. Gracias por contactar con nosotros.',
  closed_by_bot: 'La conversación con nuestro equipo ha terminado. Vuelvo a estar aquí para ayudarle.',
  closed_wait_timeout: 'Lo sentimos, nadie ha podido atenderle. Sigo ayudándole aquí.',
  closed_inactivity: 'La conversación ha terminado porque no hemos recibido respuesta. Escríbanos cuando quiera.',
  closed_email_not_given: 'Sin un correo electrónico no hemos podido ponerle en contacto. Sigo ayudándole aquí.',
  closed_desk_unavailable: 'Lo sentimos, ahora no podemos contactar con nuestro equipo. Inténtelo más tarde.',
  closed_by_operator: 'La conversación con nuestro equipo ha terminado. Si aún necesita ayuda, vuelva a pedirla.',
  out_of_hours: 'Nuestro equipo no está disponible ahora. Inténtelo de nuevo en nuestro horario de atención.',
};

const pt: LanguageTexts = {
  email_required: 'Informe o seu e-mail para que a nossa equipe possa ajudar.',
  connecting: 'Um momento, por favor. Vamos colocar você em contato com uma pessoa da nossa equipe.',
  busy: 'Desculpe, não conseguimos contatar a nossa equipe neste momento. Continuo ajudando você aqui.',
  wait_timeout: 'A nossa equipe continua ocupada. Deseja continuar esperando?',
  wait_choice_wait: 'Continuar esperando',
  wait_choice_end: 'Parar de esperar',
  active: 'Agora você está falando com uma pessoa da nossa equipe.',
  agent_changed: 'Outra pessoa da nossa equipe vai continuar a sua conversa.',
  snoozed: 'A nossa equipe está analisando o seu pedido e vai responder em seguida.',
  message_failed: 'Desculpe, não foi possível entregar a sua mensagem. Tente novamente.',
  closed_by_user: 'Você encerrou a conversa com a nossa equipe.',
  closed_by_agent: 'A nossa equipe encerrou a conversa. Obrigado pelo contato.',
  closed_by_bot: 'A conversa com a nossa equipe terminou. Estou aqui de novo para ajudar.',
  closed_wait_timeout: 'Desculpe, ninguém estava livre para responder. Continuo ajudando você aqui.',
  closed_inactivity: 'A conversa terminou porque não tivemos resposta sua. Escreva quando quiser.',
  closed_email_not_given: 'Sem um e-mail não foi possível fazer o contato. Continuo ajudando você aqui.',
  closed_desk_unavailable: 'Desculpe, não conseguimos contatar a nossa equipe agora. Tente mais tarde.',
  closed_by_operator: 'A conversa com a nossa equipe terminou. Se ainda precisar de ajuda, peça novamente.',
  out_of_hours: 'A nossa equipe não está disponível agora. Tente novamente no nosso horário de atendimento.',
};

const de: LanguageTexts = {
  email_required: 'Bitte geben Sie Ihre E-Mail-Adresse an, damit unser Team Ihnen helfen kann.',
  connecting: 'Einen Moment bitte. Wir verbinden Sie mit einer Person aus unserem Team.',
  busy: 'Leider ist unser Team gerade nicht erreichbar. Ich helfe Ihnen hier weiter.',
  wait_timeout: 'Unser Team ist noch im Gespräch. Möchten Sie weiter warten?',
  wait_choice_wait: 'Weiter warten',
  wait_choice_end: 'Nicht mehr warten',
  active: 'Sie sprechen jetzt mit einer Person aus unserem Team.',
  agent_changed: 'Ihr Gespräch wird von einer anderen Person aus unserem Team fortgeführt.',
  snoozed: 'Unser Team kümmert sich um Ihr Anliegen und meldet sich bei Ihnen.',
  message_failed: 'Ihre Nachricht konnte leider nicht zugestellt werden. Bitte versuchen Sie es noch einmal.',
  closed_by_user: 'Sie haben das Gespräch mit unserem Team beendet.',
  closed_by_agent: 'Unser Team hat das Gespräch beendet. Vielen Dank für Ihre Anfrage.',
  closed_by_bot: 'Das Gespräch mit unserem Team ist beendet. Ich bin wieder für Sie da.',
  closed_wait_timeout: 'Leider war gerade niemand frei. Ich helfe Ihnen hier weiter.',
  closed_inactivity:
    'Da wir nichts mehr von Ihnen gehört haben, wurde das Gespräch beendet. Schreiben Sie uns jederzeit.',
  closed_email_not_given: 'Ohne E-Mail-Adresse konnten wir Sie nicht verbinden. Ich helfe Ihnen hier weiter.',
  closed_desk_unavailable: 'Unser Team ist gerade leider nicht erreichbar. Bitte versuchen Sie es später noch einmal.',
  closed_by_operator: 'Das Gespräch mit unserem Team ist beendet. Fragen Sie gern noch einmal an.',
  out_of_hours: 'Unser Team ist zurzeit nicht erreichbar. Bitte versuchen Sie es während unserer Servicezeiten.',
};

const zh: LanguageTexts = {
  email_required: '请留下您的邮箱地址，以便我们的客服为您服务。',
  connecting: '请稍候，正在为您转接人工客服。',
  busy: '抱歉，人工客服暂时无法接入，我会继续在这里为您服务。',
  wait_timeout: '客服人员仍在忙碌中，您要继续等待吗？',
  wait_choice_wait: '继续等待',
  wait_choice_end: '结束等待',
  active: '您已接入人工客服。',
  agent_changed: '您的会话已由另一位客服接手。',
  snoozed: '客服正在处理您的问题，稍后会回复您。',
  message_failed: '抱歉，您的消息未能送达，请重新发送。',
  closed_by_user: '您已结束与人工客服的会话。',
  closed_by_agent: '人工客服已结束会话，感谢您的咨询。',
  closed_by_bot: '人工服务已结束，我将继续为您服务。',
  closed_wait_timeout: '抱歉，暂时没有空闲的客服，我会继续在这里为您服务。',
  closed_inactivity: '由于长时间没有收到您的回复，会话已结束。欢迎随时联系我们。',
  closed_email_not_given: '由于没有收到您的邮箱地址，无法转接人工客服。我会继续在这里为您服务。',
  closed_desk_unavailable: '抱歉，目前无法联系到人工客服，请稍后再试。',
  closed_by_operator: '人工服务已结束。如仍需帮助，请再次提出。',
  out_of_hours: '当前不在人工客服的服务时间内，请在服务时间内再联系我们。',
};

const ja: LanguageTexts = {
  email_required: '担当者がご対応できるよう、メールアドレスをご入力ください。',
  connecting: '担当者におつなぎしています。少々お待ちください。',
  busy: '申し訳ございません。ただいま担当者におつなぎできません。引き続きこちらでご案内いたします。',
  wait_timeout: '担当者はまだ対応中です。このままお待ちになりますか？',
  wait_choice_wait: 'このまま待つ',
  wait_choice_end: '待つのをやめる',
  active: '担当者につながりました。',
  agent_changed: '別の担当者が引き継いでご対応いたします。',
  snoozed: '担当者がお問い合わせを確認しております。改めてご連絡いたします。',
  message_failed: '申し訳ございません。メッセージを送信できませんでした。もう一度お試しください。',
  closed_by_user: '担当者との会話を終了しました。',
  closed_by_agent: '担当者が会話を終了しました。お問い合わせありがとうございました。',
  closed_by_bot: '担当者との会話は終了しました。引き続きこちらでご案内いたします。',
  closed_wait_timeout: '申し訳ございません。対応できる担当者がおりませんでした。引き続きこちらでご案内いたします。',
  closed_inactivity: 'しばらくお返事がなかったため、会話を終了しました。いつでもご連絡ください。',
  closed_email_not_given:
    'メールアドレスの入力がなかったため、担当者におつなぎできませんでした。引き続きこちらでご案内いたします。',
  closed_desk_unavailable: '申し訳ございません。ただいま担当者に連絡できません。しばらくしてからお試しください。',
  closed_by_operator: '担当者との会話は終了しました。お困りの際は、もう一度お申し付けください。',
  out_of_hours: 'ただいま受付時間外です。受付時間内に改めてお問い合わせください。',
};

/** Keys are languages in lower case. */
export const BUILT_IN_TEXTS: Readonly<Record<string, LanguageTexts>> = { en, fr, es, pt, de, zh, ja };
